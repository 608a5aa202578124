{
  "target_defaults": {
    "cflags": ["-Wall", "-Wextra", "-Werror", "-O2", "-fvisibility=hidden"],
    "cflags_cc": ["-std=c++20"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "defines": ["_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
  },
  "targets": [
    {
      "target_name": "helpers",
      "sources": [
        "src/addon.cc",
        "src/inode.cc",
        "src/fuse_attr.cc",
        "src/proc_fd.cc",
        "src/file.cc",
        "src/dir.cc",
        "src/xattr.cc",
        "src/handle.cc",
        "src/mount.cc",
        "src/namespace.cc",
        "src/notify.cc",
        "src/credentials.cc",
        "src/process.cc",
        "src/device.cc",
        "src/loop.cc",
        "src/memory.cc",
        "src/pool.cc",
        "src/pool_calls.cc",
        "src/jobs.cc",
        "src/copy.cc",
        "src/inflate.cc",
        "src/recorded_tree.cc",
        "src/abi.cc",
      ],
      "defines": ["NAPI_VERSION=9"],
      # A thread that is held in the kernel may return after the last environment is gone.
      "ldflags": ["-Wl,-z,nodelete"],
      "libraries": ["-lpthread"],
      # node-gyp --debug: to be loaded with libasan preloaded, see README.md.
      "configurations": {
        "Debug": {
          "cflags": ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"],
          "ldflags": ["-fsanitize=address,undefined"],
        },
      },
    },
    {
      "target_name": "plyfs",
      "type": "executable",
      "sources": ["launcher.c", "handover.c", "attach.c"],
      "defines": ["PLYFS_VERSION=\"<!(node -p \"require('../package.json').version\")\""],
      "ldflags": ["-static"],
    },
    {
      "target_name": "plyfs-monitor",
      "type": "executable",
      "sources": [
        "monitor.c",
        "monitor_bootfs.c",
        "monitor_clients.c",
        "monitor_exit.c",
        "monitor_log.c",
        "monitor_streams.c",
      ],
      "ldflags": ["-static"],
    },
    {
      "target_name": "plyfs-boot",
      "type": "executable",
      "sources": ["boot.c"],
      # It lies in memory while a container starts.
      "cflags": ["-Os", "-ffunction-sections"],
      "ldflags": ["-static", "-s", "-Wl,--gc-sections"],
    },
  ],
}
