// Raw access to zlib's inflate, with the stops that random access needs: at the end of a deflate
// block, with the bits and the window from which decoding can go on (zlib.h, Z_BLOCK, inflatePrime,
// inflateSetDictionary). The zlib is Node's own, which exports it and ships its header.
#include <atomic>
#include <new>

#include <zlib.h>

#include "addon.h"
#include "args.h"

namespace {

// What a run ended with.
constexpr int64_t kMore = 0;      // the input is used up, or the output full
constexpr int64_t kEnd = 1;       // the stream has ended
constexpr int64_t kBoundary = 2;  // between two blocks, and enough has come out

constexpr size_t kWindow = 32768;

struct Inflater {
  z_stream stream = {};
  // Set while a run of another thread uses the stream.
  std::atomic<bool> busy{false};
};

struct Run {
  Inflater* inflater;
  Span<uint8_t> input;
  Span<uint8_t> output;
  uint64_t stopAfter;
  // Out: bytes used and made, the bits of the last used byte that belong to the next block.
  uint64_t consumed = 0;
  uint64_t produced = 0;
  uint32_t bits = 0;
  int64_t status = kMore;
};

int64_t errnoOf(int code) {
  if (code == Z_MEM_ERROR) return -ENOMEM;
  return code == Z_NEED_DICT || code == Z_DATA_ERROR ? -EBADMSG : -EINVAL;
}

void perform(Run& run) {
  z_stream& z = run.inflater->stream;
  z.next_in = run.input.data;
  z.avail_in = static_cast<uInt>(run.input.length);
  z.next_out = run.output.data;
  z.avail_out = static_cast<uInt>(run.output.length);
  for (;;) {
    const int code = inflate(&z, Z_BLOCK);
    run.produced = run.output.length - z.avail_out;
    if (code == Z_STREAM_END) {
      run.status = kEnd;
      break;
    }
    if (code == Z_BUF_ERROR) break;
    if (code != Z_OK) {
      run.status = errnoOf(code);
      break;
    }
    // Bit 7: behind a block, or behind the header; bit 6: it was the last block.
    const bool between = (z.data_type & 128) != 0 && (z.data_type & 64) == 0;
    if (between && run.produced >= run.stopAfter) {
      run.status = kBoundary;
      run.bits = static_cast<uint32_t>(z.data_type & 7);
      break;
    }
    if (z.avail_out == 0) break;
    if (z.avail_in == 0 && !between) break;
  }
  run.consumed = run.input.length - z.avail_in;
  // The memory is the caller's again.
  z.next_in = nullptr;
  z.next_out = nullptr;
  z.avail_in = z.avail_out = 0;
}

void release(napi_env, void* data, void*) {
  auto* inflater = static_cast<Inflater*>(data);
  inflateEnd(&inflater->stream);
  delete inflater;
}

// Marks every external that is one of ours.
const napi_type_tag kTag = {0x8a1f2c6be5d04f37, 0xb1c4907de2a6f518};

Inflater* inflaterOf(napi_env env, napi_value value) {
  bool ours = false;
  void* data = nullptr;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type == napi_external) napi_check_object_type_tag(env, value, &kTag, &ours);
  if (ours) napi_get_value_external(env, value, &data);
  if (data == nullptr) napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "argument 1 must be an inflater");
  return static_cast<Inflater*>(data);
}

napi_value InflateCreate(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int windowBits = args.integer(0);
  if (!args.ok()) return args.refusal();
  auto* inflater = new (std::nothrow) Inflater;
  if (inflater == nullptr) return toNumber(env, -ENOMEM);
  const int code = inflateInit2(&inflater->stream, windowBits);
  if (code != Z_OK) {
    delete inflater;
    return toNumber(env, errnoOf(code));
  }
  napi_value external = nullptr;
  napi_create_external(env, inflater, release, nullptr, &external);
  napi_type_tag_object(env, external, &kTag);
  return external;
}

// Takes an inflater that no other thread is using; null after an exception.
Inflater* idle(napi_env env, napi_value value) {
  Inflater* inflater = inflaterOf(env, value);
  if (inflater != nullptr && inflater->busy.load(std::memory_order_acquire)) {
    napi_throw_error(env, "ERR_INVALID_STATE", "the inflater is running");
    return nullptr;
  }
  return inflater;
}

// A call of zlib's on an idle inflater, the first argument; `call` reads the others. Its result, or
// what the arguments are refused with.
template <size_t Count, class Call>
napi_value onStream(napi_env env, napi_callback_info info, Call call) {
  Arguments<Count> args(env, info);
  Inflater* inflater = idle(env, args.raw(0));
  if (inflater == nullptr) return nullptr;
  const int64_t result = call(inflater->stream, args);
  return args.ok() ? toNumber(env, result) : args.refusal();
}

int64_t resultOf(int code) { return code == Z_OK ? 0 : errnoOf(code); }

napi_value InflateReset(napi_env env, napi_callback_info info) {
  return onStream<2>(env, info, [](z_stream& stream, Arguments<2>& args) -> int64_t {
    const int windowBits = args.integer(1);
    return args.ok() ? resultOf(inflateReset2(&stream, windowBits)) : 0;
  });
}

napi_value InflatePrime(napi_env env, napi_callback_info info) {
  return onStream<3>(env, info, [](z_stream& stream, Arguments<3>& args) -> int64_t {
    const int bits = args.integer(1);
    const int value = args.integer(2);
    return args.ok() ? resultOf(inflatePrime(&stream, bits, value)) : 0;
  });
}

napi_value InflateSetWindow(napi_env env, napi_callback_info info) {
  return onStream<2>(env, info, [](z_stream& stream, Arguments<2>& args) -> int64_t {
    const auto window = args.bytes(1);
    args.within(0, static_cast<int64_t>(window.length), kWindow);
    if (!args.ok()) return 0;
    return resultOf(inflateSetDictionary(&stream, window.data, static_cast<uInt>(window.length)));
  });
}

napi_value InflateGetWindow(napi_env env, napi_callback_info info) {
  return onStream<2>(env, info, [](z_stream& stream, Arguments<2>& args) -> int64_t {
    const auto window = args.bytes(1);
    args.within(0, kWindow, window.length);
    if (!args.ok()) return 0;
    uInt length = 0;
    const int code = inflateGetDictionary(&stream, window.data, &length);
    return code == Z_OK ? static_cast<int64_t>(length) : errnoOf(code);
  });
}

// Arguments of both forms of a run: inflater, input, output, stopAfter, result.
struct RunArguments {
  Run run;
  Span<double> result;
};

bool readRun(napi_env env, Arguments<5>& args, RunArguments& out) {
  Inflater* inflater = idle(env, args.raw(0));
  if (inflater == nullptr) return false;
  const auto input = args.bytes(1);
  const auto output = args.bytes(2);
  const int64_t stopAfter = args.wide(3);
  out.result = args.doubles(4);
  args.within(0, 3, out.result.length);
  args.within(0, static_cast<int64_t>(input.length), UINT32_MAX);
  args.within(0, static_cast<int64_t>(output.length), UINT32_MAX);
  if (stopAfter < 0) args.outOfRange("a negative length");
  if (!args.ok()) return false;
  out.run = Run{inflater, input, output, static_cast<uint64_t>(stopAfter)};
  return true;
}

void report(const Run& run, Span<double> result) {
  result.data[0] = static_cast<double>(run.consumed);
  result.data[1] = static_cast<double>(run.produced);
  result.data[2] = run.bits;
}

napi_value InflateRun(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  RunArguments of{};
  if (!readRun(env, args, of)) return args.refusal();
  perform(of.run);
  report(of.run, of.result);
  return toNumber(env, of.run.status);
}

// A run on one of Node's own threads. What it uses is held until it is done.
struct Job {
  RunArguments of;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref held = nullptr;
};

void execute(napi_env, void* data) { perform(static_cast<Job*>(data)->of.run); }

void complete(napi_env env, napi_status status, void* data) {
  auto* job = static_cast<Job*>(data);
  job->of.run.inflater->busy.store(false, std::memory_order_release);
  if (status != napi_ok) job->of.run.status = -ECANCELED;
  report(job->of.run, job->of.result);
  napi_resolve_deferred(env, job->deferred, toNumber(env, job->of.run.status));
  napi_delete_reference(env, job->held);
  napi_delete_async_work(env, job->work);
  delete job;
}

napi_value InflateRunAsync(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  RunArguments of{};
  if (!readRun(env, args, of)) return args.refusal();
  auto* job = new (std::nothrow) Job{of};
  if (job == nullptr) return toNumber(env, -ENOMEM);
  napi_value held = nullptr;
  napi_create_array_with_length(env, 4, &held);
  const size_t kept[4] = {0, 1, 2, 4};
  for (uint32_t i = 0; i < 4; i++) napi_set_element(env, held, i, args.raw(kept[i]));
  napi_create_reference(env, held, 1, &job->held);
  napi_value promise = nullptr;
  napi_value name = nullptr;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "plyfs:inflate", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, execute, complete, job, &job->work);
  of.run.inflater->busy.store(true, std::memory_order_release);
  napi_queue_async_work(env, job->work);
  return promise;
}

napi_value Crc32(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const uint32_t before = args.word(0);
  const auto bytes = args.bytes(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, static_cast<int64_t>(crc32_z(before, bytes.data, bytes.length)));
}

}  // namespace

void addInflate(Exports& exports) {
  exports.add("inflateCreate", InflateCreate);
  exports.add("inflateReset", InflateReset);
  exports.add("inflatePrime", InflatePrime);
  exports.add("inflateSetWindow", InflateSetWindow);
  exports.add("inflateGetWindow", InflateGetWindow);
  exports.add("inflateRun", InflateRun);
  exports.add("inflateRunAsync", InflateRunAsync);
  exports.add("crc32", Crc32);
}
