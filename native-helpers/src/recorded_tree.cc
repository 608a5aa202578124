// Whether a tree is as a record of it has it, on threads of Node's: what statx tells of each name that
// was recorded. The record is an inventory's first part, as src/image/inventory/layout.ts describes it.
// The answer is yes or no: what differs is told there.
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"
#include "fuse_attr.h"

namespace {

constexpr size_t kHeaderWords = 4;
constexpr size_t kEntryWords = 15;

// Words of the record, never read behind their end.
struct Record {
  const uint32_t* words;
  size_t count;
};

// A directory: its path from the root, its names (each with its NUL) and an entry for each.
struct Directory {
  std::string path;
  const char* names;
  size_t namesLength;
  const uint32_t* entries;
  size_t count;
};

bool isDirectory(const uint32_t* entry) { return S_ISDIR(entry[0]); }

// 64 bits, low word first.
uint64_t pairAt(const uint32_t* words) {
  return words[0] | static_cast<uint64_t>(words[1]) << 32;
}

bool isSame(const struct statx& stat, const uint32_t* entry) {
  const auto seconds = [](const struct statx_timestamp& time) {
    return static_cast<uint64_t>(time.tv_sec);
  };
  return stat.stx_mode == entry[0] && stat.stx_uid == entry[1] && stat.stx_gid == entry[2] &&
         encodeDevice(stat.stx_rdev_major, stat.stx_rdev_minor) == entry[3] &&
         (isDirectory(entry) || stat.stx_size == pairAt(entry + 4)) &&
         seconds(stat.stx_mtime) == pairAt(entry + 6) && stat.stx_mtime.tv_nsec == entry[8] &&
         seconds(stat.stx_ctime) == pairAt(entry + 9) && stat.stx_ctime.tv_nsec == entry[11] &&
         stat.stx_ino == pairAt(entry + 12);
}

bool statIsAsRecorded(int dirfd, const char* name, int flags, const uint32_t* entry) {
  struct statx stat;
  return statx(dirfd, name, flags, STATX_BASIC_STATS, &stat) == 0 && isSame(stat, entry);
}

// The blocks of a record, one after the other, with the paths that their order gives them.
class Blocks {
 public:
  explicit Blocks(Record record) : record_(record), next_(kHeaderWords + kEntryWords) {
    pending_.emplace_back(".");
  }

  // False when there are no more, or the record is no record.
  bool next(Directory& directory) {
    if (pending_.empty() || record_.count < 2 || next_ > record_.count - 2) return false;
    directory.path = std::move(pending_.back());
    pending_.pop_back();
    directory.count = record_.words[next_];
    directory.namesLength = record_.words[next_ + 1];
    const size_t entries = next_ + 2 + (directory.namesLength + 3) / 4;
    if (entries > record_.count) return false;
    if (directory.count > (record_.count - entries) / kEntryWords) return false;
    directory.names = reinterpret_cast<const char*>(record_.words + next_ + 2);
    directory.entries = record_.words + entries;
    next_ = entries + directory.count * kEntryWords;
    return noteBelow(directory);
  }

  bool atEnd() const { return pending_.empty() && next_ == record_.count; }

 private:
  bool noteBelow(const Directory& directory) {
    const char* name = directory.names;
    const char* end = name + directory.namesLength;
    for (size_t i = 0; i < directory.count; i++) {
      const size_t length = strnlen(name, static_cast<size_t>(end - name));
      if (name + length == end) return false;
      if (isDirectory(directory.entries + i * kEntryWords)) {
        pending_.push_back(directory.path + "/");
        pending_.back().append(name, length);
      }
      name += length + 1;
    }
    return name == end;
  }

  const Record record_;
  size_t next_;
  std::vector<std::string> pending_;
};

// To open a directory and to close it costs as much as the longer way to a few names.
constexpr size_t kFew = 4;

bool fewAreAsRecorded(int root, const Directory& directory) {
  std::string path = directory.path + "/";
  const size_t length = path.size();
  const char* name = directory.names;
  for (size_t i = 0; i < directory.count; i++) {
    path.resize(length);
    path += name;
    const uint32_t* entry = directory.entries + i * kEntryWords;
    if (!statIsAsRecorded(root, path.c_str(), AT_SYMLINK_NOFOLLOW, entry)) return false;
    name += strlen(name) + 1;
  }
  return true;
}

// That no name was added, and no directory on the way is a link by now, is told by the entries of the
// directories themselves. What cannot be reached by one path is not said to be as recorded.
bool isAsRecorded(int root, const Directory& directory) {
  if (directory.count <= kFew) return fewAreAsRecorded(root, directory);
  const int fd =
      openat(root, directory.path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  bool same = true;
  const char* name = directory.names;
  for (size_t i = 0; same && i < directory.count; i++) {
    same = statIsAsRecorded(fd, name, AT_SYMLINK_NOFOLLOW, directory.entries + i * kEntryWords);
    name += strlen(name) + 1;
  }
  close(fd);
  return same;
}

// One share of `shares`; what it uses is held until it is done.
struct Work {
  int root;
  Record record;
  uint32_t share, shares;
  bool same = false;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref held = nullptr;
};

bool compareShare(const Work& work) {
  if (work.record.count < kHeaderWords + kEntryWords) return false;
  if (!statIsAsRecorded(work.root, "", AT_EMPTY_PATH, work.record.words + kHeaderWords)) {
    return false;
  }
  Blocks blocks(work.record);
  Directory directory;
  for (uint32_t turn = 0; blocks.next(directory); turn++) {
    if (turn % work.shares == work.share && !isAsRecorded(work.root, directory)) return false;
  }
  return blocks.atEnd();
}

void execute(napi_env, void* data) {
  auto* work = static_cast<Work*>(data);
  work->same = compareShare(*work);
}

void complete(napi_env env, napi_status status, void* data) {
  auto* work = static_cast<Work*>(data);
  napi_value same = nullptr;
  napi_get_boolean(env, status == napi_ok && work->same, &same);
  napi_resolve_deferred(env, work->deferred, same);
  napi_delete_reference(env, work->held);
  napi_delete_async_work(env, work->work);
  delete work;
}

napi_value RecordedTreeAsync(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int root = args.integer(0);
  const auto words = args.words(1);
  const uint32_t share = args.word(2);
  const uint32_t shares = args.word(3);
  if (share >= shares) args.outOfRange("share");
  if (!args.ok()) return args.refusal();
  auto* work = new Work{root, {words.data, words.length}, share, shares};
  napi_create_reference(env, args.raw(1), 1, &work->held);
  napi_value promise = nullptr;
  napi_value name = nullptr;
  napi_create_promise(env, &work->deferred, &promise);
  napi_create_string_utf8(env, "plyfs:recorded-tree", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, execute, complete, work, &work->work);
  napi_queue_async_work(env, work->work);
  return promise;
}

}  // namespace

void addRecordedTree(Exports& exports) { exports.add("recordedTreeAsync", RecordedTreeAsync); }
