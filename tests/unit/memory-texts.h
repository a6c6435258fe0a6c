/* SPDX-License-Identifier: MIT */
/* Small texts as the kernel writes them, for the tests of the memory collector and its parsers. */
#ifndef HOSTINGPI_TEST_MEMORY_TEXTS_H
#define HOSTINGPI_TEST_MEMORY_TEXTS_H

#include <stdint.h>

#define KIB INT64_C(1024)
#define SWAPS_HEADING "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
#define SWAP_FILE "/var/swap                               file\t\t524284\t\t1000\t\t-2\n"
#define SWAP_ZRAM0 "/dev/zram0                              partition\t2097136\t\t500\t\t100\n"

#define MEMINFO                                                                                    \
	"MemTotal:         929544 kB\n"                                                            \
	"MemFree:           61208 kB\n"                                                            \
	"MemAvailable:     408536 kB\n"                                                            \
	"Buffers:           21484 kB\n"                                                            \
	"SwapCached:         6148 kB\n"                                                            \
	"Active(anon):     121404 kB\n"                                                            \
	"Active(file):     168212 kB\n"                                                            \
	"Inactive(file):   190124 kB\n"                                                            \
	"SwapTotal:        524284 kB\n"                                                            \
	"SwapFree:         499196 kB\n"                                                            \
	"Dirty:               428 kB\n"                                                            \
	"Writeback:            12 kB\n"                                                            \
	"AnonPages:        355692 kB\n"                                                            \
	"WritebackTmp:          0 kB\n"                                                            \
	"SReclaimable:      33612 kB\n"

#define ZONE(high, managed, protection)                                                            \
	"Node 0, zone   Normal\n  per-node stats\n      nr_free_pages 1\n  pages free     50\n"    \
	"        min      10\n        high     " #high "\n        managed  " #managed              \
	"\n        protection: " protection                                                        \
	"\n  pagesets\n    cpu: 0\n              high:     378\n"

#endif
