// The one list of what the comparison leaves out, each with its reason. Every rule here is used
// by compare.ts, trees.ts or a generator under its name, and nothing is left out elsewhere.

export const NOT_COMPARED = {
  'access times':
    'Reading through FUSE does not write them; kernel overlayfs does not update them for lower files.',
  'device number': 'Two mounts have two.',
  'block counts and block size':
    'The images are filled differently, and FUSE reports the size of its requests.',
  'directory sizes': 'They depend on the order of names in the directory of the upper.',
  'listing order': 'Kernel overlayfs lists upper before lower, plyfs by its cookies.',
  'inode numbers themselves':
    'New files get what the upper gives. Compared are: which names share one, that it stays for as long as the file lives, and that listings show what stat shows.',
  'inode numbers in listings of kernel overlayfs':
    'For hard links that are in the index it lists another number than stat shows. plyfs must always list what stat shows.',
  'values of times that the run has made':
    'The two sides do not run at the same instant. Compared are: times from before the run and times that were set, exactly; whether an operation has changed them, for the others.',
  'filesystem type of statfs': 'FUSE reports its own magic, whatever the server says.',
  'filesystem id of statfs': 'FUSE reports 0.',
  'statx attributes':
    'FUSE takes from a server’s statx the birth time alone. The flags themselves are compared as ioctls tell them, and as they lie in the upper.',
  'free space': 'The images are filled differently.',
  holes:
    'The kernel’s copy-up fills holes within a chunk of 1 MiB, plyfs keeps all; xfs allocates ahead. SEEK_HOLE must fail or succeed on both; that what is said to be a hole reads as zeros is shown by the data exerciser.',
  'set-group-id bit when an ACL is removed':
    'Kernel overlayfs takes it away from who is not in the group, ext4 does not, and FUSE does not say. Not generated: only root removes the access ACL.',
  'ACLs that go by their name on the disk':
    'xfs keeps ACLs as trusted.SGI_ACL_*. Taken away by that name one is gone from the disk and from listings, and kernel overlayfs may go on showing it until the inode is forgotten. Not generated.',
  'partial listings':
    'The order differs. Each side is checked for itself: no name twice, none missing that was there throughout, none that never was.',
  'pid of a lock': 'The processes of the two sides are different ones.',
  'redirects beyond 256 bytes':
    'The kernel refuses to write them (module parameter redirect_max). Not generated: long names are for files, and the depth is bounded.',
  'collapse, insert and unshare ranges':
    'FUSE passes only default, KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE. Not generated.',
  reflinks: 'FICLONE is not passed through FUSE. Not generated; copy_file_range is.',
  'unaligned direct I/O':
    'What alignment is asked for is up to the filesystem. Not generated: direct files are not read or written at their own offset or their end, nor copied.',
  'read-only mappings across a copy-up':
    'The kernel documents that a MAP_SHARED mapping of a lower file does not see later writes. Mappings are made of files open for writing, or whose data has not been changed.',
  'writing to a running program':
    'The kernel documents that executing a lower file does not refuse writers. Programs are run to their end within one operation.',
  'times of birth after a copy-up':
    'The kernel’s FUSE keeps a time of birth once it knows it (FUSE_I_BTIME), whatever is invalidated: the lower’s shows on until the inode is forgotten, kernel overlayfs shows the copy’s at once. Compared after a mount, and in the upper.',
  'holes of directories':
    'SEEK_DATA and SEEK_HOLE on a directory: the kernel’s FUSE reckons with the directory’s size and asks nobody (generic_file_llseek), kernel overlayfs answers EINVAL for a merged one (ovl_dir_llseek, to SEEK_END too) and lets the disk answer for others.',
  'removing an ACL that is not there':
    'Kernel overlayfs answers ENODATA for a lower file and what the filesystem answers (ext4 and xfs: success) for an upper one; plyfs answers as the filesystem for both.',
  'which errno an immutable file gives':
    'The VFS looks at the flags of the inode first (EPERM), which a FUSE server cannot set: there the mode comes first (EACCES), as do the number of links of a file that is linked by its descriptor (ENOENT) and the kind of what is removed (ENOTDIR, EISDIR), and access(2), copies of nothing and the removal of a default ACL from a file ask nobody. What the server is asked to do it must refuse.',
  'link counts of removed lower files':
    'Kernel overlayfs passes fstat of an open lower file on to it, whose names are still there below; plyfs shows that none is left.',
  'attributes of removed lower files':
    'Kernel overlayfs answers EEXIST to a change through a descriptor that was open for reading: it would copy the file up under its old name, where the whiteout lies; devices and FIFOs come back to life there. plyfs changes what is open. Not generated.',
  'positions in a removed directory':
    'A directory that is removed has no size, and ext4 then takes the positions that it has given before for wrong ones (EINVAL). There is nothing left to list on either side.',
  'chown of nothing while a file is open for writing':
    'A chown that names neither owner nor group is the owner’s to make, of a file with set-id bits; a write takes the bits away whoever writes. FUSE sends the same for both, a SETATTR without any field: fuse_setattr drops the mode and the ATTR_KILL_* that notify_change has worked out, and ATTR_FORCE, which a write has, is not sent. While the file is open for writing plyfs takes it for a write. Not generated for who is neither root nor the owner.',
  'file capabilities after a chown of nothing':
    'Of a file with set-id bits the kernel refuses it to who is not the owner, before it takes file capabilities away; FUSE, whose fuse_setattr has dropped the mode, takes them away first (setattr_prepare) and asks the server, which refuses, after. Not generated for who is neither root nor the owner.',
  'what a mapping keeps open':
    'Kernel overlayfs maps the file below (ovl_mmap) and forgets the open one, with its locks and its count of writers, at close; FUSE without passthrough keeps it until the mapping goes, as a disk does. There the file is kept open on both sides as long as it is mapped.',
  'times after a write through a mapping':
    'FUSE without passthrough writes mapped pages when it likes, and they change the times on the disk then (S_NOCMTIME). There such a write is followed by msync.',
  'mapped bytes beyond the end':
    'What is written to the last page of a mapping behind the end of the file stays there until the page goes to the disk; kernel overlayfs flushes the upper when it is unmounted. POSIX leaves it open.',
  'mappings of append-only files':
    'The VFS refuses writable ones by the flags of the inode, which a FUSE server cannot set; and it asks nobody. Not generated.',
  'hard links to a file that an open has just stripped':
    'Where hard links are protected the VFS looks at the set-id bits that it knows, without asking whether they are still there. Links of other users come after a stat.',
  'set-id bits of files that are truncated to the size they have':
    'xfs does not look at such a change of an empty file and lets them be, and takes them from others without a change of ctime; ext4 takes them away with one, as plyfs does on both. Not generated for who is not root.',
  'ctime of what is renamed on xfs':
    'Kernel overlayfs exchanges it with a whiteout that lies at its new name, and xfs leaves ctime alone then; plyfs renames it over the whiteout, and xfs changes ctime.',
  'file capabilities after a write through a mapping':
    'Without passthrough the kernel sends the pages later as writes, which take the capabilities away on the disk; a write to a mapping of the disk does not. Not generated.',
  'names of copied-up hard links':
    'FUSE names an inode, not the name it was reached by, so another of its names may be the one that is made in the upper. All names of a lower file lie in one directory here; which directories are copied up stays comparable. Kernel overlayfs links a name up when it is used, which changes the ctime of file and directory, plyfs does not.',
  'impure marks of directories that hold nothing from below':
    'Kernel overlayfs takes the mark away when it lists such a directory (best effort), which changes its ctime; plyfs does not look into each entry for that.',
  'whiteouts in directories that do not merge':
    'Kernel overlayfs passes such a directory on as it is: it lists the whiteout and does not find it. No overlay makes them; not generated.',
  'the work directory':
    'Temporary names and the shared whiteout are each one’s own; what lasts in it (the index) is compared.',
  'link counts and times of whiteouts': 'Kernel overlayfs links one inode for all.',
  'uuid of the upper': 'A random number; compared is that there is one.',
  'handles of upper files':
    'They hold inode numbers of the upper; compared is that there is one. Those of lower files are compared.',
} as const

export type NotCompared = keyof typeof NOT_COMPARED
