// File handles and filesystem UUIDs.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"

// include/uapi/linux/fs.h, Linux 6.9; the headers of Debian 12 lack both.
struct FilesystemUuid {
  uint8_t length;
  uint8_t uuid[16];
};
#ifndef FS_IOC_GETFSUUID
#define FS_IOC_GETFSUUID _IOR(0x15, 0, struct FilesystemUuid)
#endif

// struct file_handle's bytes and type, before the handle itself.
constexpr size_t kHandleHeader = 2 * sizeof(uint32_t);

// Memory for a handle that is aligned as the kernel's structure; a caller's bytes need not be.
struct HandleRoom {
  alignas(struct file_handle) unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];

  struct file_handle* get() { return reinterpret_cast<struct file_handle*>(bytes); }
};

static napi_value NameToHandleAt(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name name;
  HandleRoom room;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const auto handle = args.bytes(2);
  const auto out = args.integers(3);
  const int flags = args.integer(4);
  args.within(0, kHandleHeader, handle.length);
  args.within(0, 1, out.length);
  if (!args.ok()) return args.refusal();
  const size_t space = handle.length - kHandleHeader;
  room.get()->handle_bytes = space < MAX_HANDLE_SZ ? static_cast<unsigned>(space) : MAX_HANDLE_SZ;
  // 64 bits with AT_HANDLE_MNT_ID_UNIQUE.
  int mountId[2] = {0, 0};
  if (name_to_handle_at(dirfd, name.text, room.get(), mountId, flags) < 0) {
    return toNumber(env, -errno);
  }
  const size_t used = kHandleHeader + room.get()->handle_bytes;
  memcpy(handle.data, room.bytes, used);
  out.data[0] = mountId[0];
  if (out.length > 1) out.data[1] = mountId[1];
  return toNumber(env, static_cast<int64_t>(used));
}

static napi_value OpenByHandleAt(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  HandleRoom room;
  const int mountFd = args.integer(0);
  const auto handle = args.bytes(1);
  const int flags = args.integer(2) | O_CLOEXEC;
  args.within(0, kHandleHeader, handle.length);
  if (!args.ok()) return args.refusal();
  const size_t given = handle.length < sizeof room.bytes ? handle.length : sizeof room.bytes;
  memcpy(room.bytes, handle.data, given);
  args.within(kHandleHeader, room.get()->handle_bytes, given);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(open_by_handle_at(mountFd, room.get(), flags)));
}

static napi_value Getfsuuid(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const auto uuid = args.bytes(1);
  FilesystemUuid answer = {};
  args.within(0, sizeof answer.uuid, uuid.length);
  if (!args.ok()) return args.refusal();
  if (ioctl(fd, FS_IOC_GETFSUUID, &answer) < 0) return toNumber(env, -errno);
  memcpy(uuid.data, answer.uuid, sizeof answer.uuid);
  return toNumber(env, answer.length);
}

void addHandle(Exports& exports) {
  exports.add("name_to_handle_at", NameToHandleAt);
  exports.add("open_by_handle_at", OpenByHandleAt);
  exports.add("getfsuuid", Getfsuuid);
}
