// Reads and checks the arguments of one call. A wrong type throws TypeError, a range outside a
// buffer RangeError, a name too long for the kernel answers -ENAMETOOLONG. Allocates nothing:
// these functions run several times for every request of a mount.
#pragma once

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <node_api.h>

#include "result.h"

// A file name: bytes, NUL at the end.
struct Name {
  char text[PATH_MAX + 1];
  size_t length;

  bool empty() const { return length == 0; }
};

// Memory of a typed array; `length` counts elements.
template <class Element>
struct Span {
  Element* data;
  size_t length;
};

struct Environment;

template <size_t Count>
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t given = Count;
    void* data = nullptr;
    napi_get_cb_info(env, info, &given, values_, nullptr, &data);
    environment_ = static_cast<Environment*>(data);
  }

  // False when an argument was refused; the caller then returns `refusal()`.
  bool ok() const { return !failed_; }
  napi_value refusal() const { return errno_ == 0 ? nullptr : toNumber(env_, -errno_); }

  Environment& environment() const { return *environment_; }
  napi_value raw(size_t index) const { return values_[index]; }

  // A whole number below 2^53.
  int64_t wide(size_t index) {
    double number = 0;
    if (napi_get_value_double(env_, values_[index], &number) != napi_ok) {
      wrongType(index, "a number");
      return 0;
    }
    if (!(number >= -9007199254740991.0 && number <= 9007199254740991.0)) {
      wrongType(index, "a whole number");
      return 0;
    }
    const int64_t whole = static_cast<int64_t>(number);
    if (static_cast<double>(whole) != number) wrongType(index, "a whole number");
    return whole;
  }

  // 32 bits, signed or unsigned: descriptors, flags, modes, ids.
  int32_t integer(size_t index) {
    const int64_t whole = wide(index);
    if (whole < INT32_MIN || whole > static_cast<int64_t>(UINT32_MAX)) {
      wrongType(index, "a number of 32 bits");
    }
    return static_cast<int32_t>(static_cast<uint32_t>(whole));
  }
  uint32_t word(size_t index) { return static_cast<uint32_t>(integer(index)); }

  // Two 32-bit halves, low one first.
  uint64_t pair(size_t index) {
    const uint64_t low = word(index);
    return low | static_cast<uint64_t>(word(index + 1)) << 32;
  }

  bool flag(size_t index) {
    bool value = false;
    if (napi_get_value_bool(env_, values_[index], &value) != napi_ok) wrongType(index, "a boolean");
    return value;
  }

  // A latin1 string as the bytes it stands for.
  void name(size_t index, Name& name) { text(index, name.text, sizeof name.text, name.length); }

  // The same with room of the caller's; what does not fit is refused with `tooLong`.
  void text(size_t index, char* room, size_t size, size_t& length, int tooLong = ENAMETOOLONG) {
    length = 0;
    if (napi_get_value_string_latin1(env_, values_[index], room, size, &length) != napi_ok) {
      wrongType(index, "a string");
      room[0] = 0;
      return;
    }
    if (length == size - 1) refuse(tooLong);
    if (memchr(room, 0, length) != nullptr) wrongType(index, "a string without NUL");
  }

  bool isNull(size_t index) const {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[index], &type);
    return type == napi_null;
  }

  Span<uint8_t> bytes(size_t index) {
    return span<uint8_t>(index, napi_uint8_array, "a Uint8Array");
  }
  Span<uint32_t> words(size_t index) {
    return span<uint32_t>(index, napi_uint32_array, "a Uint32Array");
  }
  Span<int32_t> integers(size_t index) {
    return span<int32_t>(index, napi_int32_array, "an Int32Array");
  }
  Span<double> doubles(size_t index) {
    return span<double>(index, napi_float64_array, "a Float64Array");
  }

  // Refuses [at, at + length) unless it lies within `limit` elements.
  void within(int64_t at, int64_t length, size_t limit) {
    if (at < 0 || length < 0 || static_cast<uint64_t>(at) > limit ||
        static_cast<uint64_t>(length) > limit - static_cast<uint64_t>(at)) {
      outOfRange("outside the buffer");
    }
  }

  void outOfRange(const char* what) {
    if (failed_) return;
    failed_ = true;
    napi_throw_range_error(env_, "ERR_OUT_OF_RANGE", what);
  }

 private:
  template <class Element>
  Span<Element> span(size_t index, napi_typedarray_type wanted, const char* what) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    const napi_status status =
        napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr);
    if (status != napi_ok || type != wanted) {
      wrongType(index, what);
      return {nullptr, 0};
    }
    return {static_cast<Element*>(data), length};
  }

  void wrongType(size_t index, const char* wanted) {
    if (failed_) return;
    failed_ = true;
    char message[80];
    snprintf(message, sizeof message, "argument %zu must be %s", index + 1, wanted);
    napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", message);
  }

  void refuse(int error) {
    if (failed_) return;
    failed_ = true;
    errno_ = error;
  }

  napi_env env_;
  napi_value values_[Count];
  Environment* environment_ = nullptr;
  bool failed_ = false;
  int errno_ = 0;
};
