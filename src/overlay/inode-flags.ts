// Numbers of the inode-flag ioctls (include/uapi/linux/fs.h).

export const FS_IOC_GETFLAGS = 0x8008_6601
export const FS_IOC_SETFLAGS = 0x4008_6602
export const FS_IOC_FSGETXATTR = 0x801c_581f
export const FS_IOC_FSSETXATTR = 0x401c_5820
