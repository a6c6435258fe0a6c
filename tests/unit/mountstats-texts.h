/* SPDX-License-Identifier: MIT */
/* Parts of /proc/self/mountstats as Linux 6.12 prints them. */
#ifndef HOSTINGPI_TEST_MOUNTSTATS_TEXTS_H
#define HOSTINGPI_TEST_MOUNTSTATS_TEXTS_H

#define MOUNT_PROC "device proc mounted on /proc with fstype proc\n"
#define MOUNT_EXT4 "device /dev/root mounted on / with fstype ext4\n"
#define MOUNT_NFS "device 192.0.2.10:/srv/pi4 mounted on / with fstype nfs4 statvers=1.1\n"

#define NFS_HEAD                                                                                   \
	"\topts:\trw,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,acregmin=3,hard,proto=tcp\n"  \
	"\tage:\t86400\n"                                                                          \
	"\tcaps:\tcaps=0x3ffbffff,wtmult=512,dtsize=1048576,bsize=0,namlen=255\n"                  \
	"\tnfsv4:\tbm0=0xfdffbfff,bm1=0xf9be3e,bm2=0x68800,acl=0x3,sessions,pnfs=not configured\n" \
	"\tsec:\tflavor=1,pseudoflavor=1\n"                                                        \
	"\tevents:\t1204 88120 12 402 881 120 9204 440 0 12 0 44 120 0 9 88 0 6 0 0 12 0 0 0 0 0 " \
	"0 \n"                                                                                     \
	"\tbytes:\t88120441 1204412 0 0 44120441 1204412 10771 294 \n"                             \
	"\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"

#define NFS_XPRT(sends, receives)                                                                  \
	"\txprt:\ttcp 832 0 1 0 12 " sends " " receives " 0 12204 0 5 12 441\n"
#define NFS_TABLE "\tper-op statistics\n"
#define NFS_NULL "\t        NULL: 1 1 0 44 24 0 1 1 0\n"
/* Seven columns of which bytes and the queue do not matter here. */
#define NFS_READ(ops, transmissions, timeouts, rtt, execute)                                       \
	"\t        READ: " ops " " transmissions " " timeouts " 216000 881204 3 " rtt " " execute  \
	" 0\n"
#define NFS_END "\n"

#endif
