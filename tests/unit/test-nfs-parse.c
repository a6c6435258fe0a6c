/* SPDX-License-Identifier: MIT */
/* /proc/self/mountstats: which mount is the root, what is counted, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/nfs_parse.h"
#include "tests/unit/mountstats-texts.h"

#define GOOD                                                                                       \
	MOUNT_NFS NFS_HEAD NFS_XPRT("1200", "1190")                                                \
		NFS_TABLE NFS_NULL NFS_READ("1000", "1008", "4", "5000", "9000") NFS_END

static struct nfs_scan scan;
static struct nfs_stats stats;

static int parse_pieces(const char *text, size_t piece)
{
	size_t length = strlen(text);

	nfs_scan_start(&scan);
	for (size_t at = 0; at < length; at += piece)
		nfs_scan_bytes(&scan, text + at, length - at < piece ? length - at : piece);
	return nfs_scan_finish(&scan, &stats);
}

static int parse(const char *text)
{
	return parse_pieces(text, strlen(text) + 1);
}

static void assert_good(void)
{
	assert_string_equal(scan.source, "192.0.2.10:/srv/pi4");
	assert_int_equal(stats.sends, 1200);
	assert_int_equal(stats.receives, 1190);
	assert_int_equal(stats.operations, 1001);
	assert_int_equal(stats.transmissions, 1009);
	assert_int_equal(stats.timeouts, 4);
	assert_int_equal(stats.rtt_ms, 5001);
	assert_int_equal(stats.execute_ms, 9001);
}

static void reads_the_root(void **state)
{
	(void)state;
	assert_int_equal(parse(MOUNT_PROC GOOD MOUNT_PROC), 0);
	assert_good();
	/* Whatever the pieces are that it is read in. */
	for (size_t piece = 1; piece < 300; piece++) {
		memset(&stats, 0, sizeof(stats));
		assert_int_equal(parse_pieces(MOUNT_PROC GOOD, piece), 0);
		assert_good();
	}
}

static void takes_only_the_root(void **state)
{
	(void)state;
	const char *other = "device 192.0.2.99:/x mounted on /mnt with fstype nfs4 statvers=1.1\n";
	char text[8192];

	strcpy(text, other);
	strcat(text, NFS_HEAD NFS_XPRT("7", "7") NFS_TABLE NFS_NULL NFS_END GOOD);
	strcat(text, other);
	strcat(text, NFS_HEAD NFS_XPRT("9", "9") NFS_TABLE NFS_NULL NFS_END);
	assert_int_equal(parse(text), 0);
	assert_good();

	assert_int_equal(parse(MOUNT_PROC MOUNT_EXT4), NFS_OTHER);
	assert_int_equal(parse(MOUNT_PROC), -ENOENT);
	assert_int_equal(parse(""), -ENOENT);
	assert_int_equal(parse("device a mounted on / with fstype nfsd\n"), NFS_OTHER);
	assert_int_equal(parse("no device mounted on / with fstype ramfs\n"), NFS_OTHER);
}

/* An overlay over an NFS root is what programs see; an NFS root over the initial one as well. */
static void the_last_mount_is_on_top(void **state)
{
	(void)state;
	assert_int_equal(parse(GOOD "device overlay mounted on / with fstype overlay\n"),
			 NFS_OTHER);
	assert_int_equal(parse("device rootfs mounted on / with fstype rootfs\n" GOOD), 0);
	assert_good();
	assert_int_equal(parse(GOOD GOOD), 0);
	assert_good();
}

static void adds_up_connections(void **state)
{
	(void)state;
	assert_int_equal(parse(MOUNT_NFS NFS_HEAD NFS_XPRT("10", "9") NFS_XPRT("5", "5")
				       NFS_TABLE NFS_NULL),
			 0);
	assert_int_equal(stats.sends, 15);
	assert_int_equal(stats.receives, 14);
	assert_int_equal(
		parse(MOUNT_NFS "\txprt:\tudp 832 1 40 39 0 80 0 2 4 5\n" NFS_TABLE NFS_NULL), 0);
	assert_int_equal(stats.sends, 40);
	assert_int_equal(stats.receives, 39);
	/* Idle for less than nothing: jiffies of two processors. */
	assert_int_equal(
		parse(MOUNT_NFS "\txprt:\ttcp 832 0 1 0 -1 40 39 0 80 0\n" NFS_TABLE NFS_NULL), 0);
	assert_int_equal(stats.sends, 40);
}

/* Linux before 5.3 counts no errors; the queue time of what was never sent is nonsense in some. */
static void knows_older_kernels(void **state)
{
	(void)state;
	assert_int_equal(parse(MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE
			       "\t        READ: 5 6 1 700 800 18446744073709551613 20 30\n"
			       "\t          71: 0 0 0 0 0 0 0 0\n"),
			 0);
	assert_int_equal(stats.operations, 5);
	assert_int_equal(stats.transmissions, 6);
	assert_int_equal(stats.rtt_ms, 20);
	assert_int_equal(stats.execute_ms, 30);
}

static void refuses_what_is_malformed(void **state)
{
	static const char *const texts[] = {
		MOUNT_NFS,
		MOUNT_NFS NFS_HEAD,
		MOUNT_NFS NFS_XPRT("3", "2"),
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE,
		MOUNT_NFS NFS_TABLE NFS_NULL,
		MOUNT_NFS NFS_XPRT("3", "x") NFS_TABLE NFS_NULL,
		MOUNT_NFS NFS_XPRT("3", "-2") NFS_TABLE NFS_NULL,
		MOUNT_NFS NFS_XPRT("99999999999999999999", "2") NFS_TABLE NFS_NULL,
		MOUNT_NFS "\txprt:\ttcp 832 0 1\n" NFS_TABLE NFS_NULL,
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE "\tREAD: 1 1 0 44 24 0 1\n",
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE "\tREAD: 1 1 0 44 24 0 1 2x 0\n",
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE "\tREAD: -1 1 0 44 24 0 1 2 0\n",
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE "\tREAD 1 1 0 44 24 0 1 2 0\n",
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE
		"\tA: 9223372036854775807 1 0 0 0 0 1 2 0\n\tB: 1 1 0 0 0 0 1 2 0\n",
		MOUNT_NFS NFS_XPRT("3", "2") NFS_TABLE NFS_NULL "\tREAD: 5 6 1 700",
		"device a:/b mounted on / with fstype nfs statvers=2.0\n" NFS_XPRT("3", "2")
			NFS_TABLE NFS_NULL,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse(texts[i]) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
}

/* A line longer than any kernel prints is passed over, with what belongs to it. */
static void passes_over_long_lines(void **state)
{
	char *text = malloc(100000);
	(void)state;
	assert_non_null(text);

	memset(text, 'a', 50000);
	strcpy(text + 50000, " mounted on / with fstype ext4\n" GOOD);
	assert_int_equal(parse(text), 0);
	assert_good();

	/* As long as fits, and one byte more. */
	for (size_t length = NFS_LINE_SIZE - 1; length <= NFS_LINE_SIZE; length++) {
		static const char tail[] = " mounted on / with fstype ext4";
		memset(text, 'a', length);
		memcpy(text + length - sizeof(tail) + 1, tail, sizeof(tail) - 1);
		strcpy(text + length, "\n");
		assert_int_equal(parse(text), length < NFS_LINE_SIZE ? NFS_OTHER : -ENOENT);
	}
	free(text);
}

static void cuts_a_long_source(void **state)
{
	char text[2048] = "device 192.0.2.10:/";
	(void)state;
	memset(text + strlen(text), 'p', 500);
	strcat(text, " mounted on / with fstype nfs statvers=1.1\n" NFS_XPRT("3", "2")
			     NFS_TABLE NFS_NULL);
	assert_int_equal(parse(text), 0);
	assert_true(strlen(scan.source) < sizeof(scan.source));
	assert_string_equal(scan.source + strlen(scan.source) - 3, "...");
}

static void steps_over_wraps(void **state)
{
	(void)state;
	assert_int_equal(nfs_step(5, 5), 0);
	assert_int_equal(nfs_step(5, 9), 4);
	assert_int_equal(nfs_step(INT64_C(4294967295), 3), 4);
	assert_int_equal(nfs_step(1000, 3), 0);		       /* a reset */
	assert_int_equal(nfs_step(INT64_C(4294967296), 3), 0); /* a 64-bit kernel */
	assert_int_equal(nfs_step(INT64_MAX, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_root),
		cmocka_unit_test(takes_only_the_root),
		cmocka_unit_test(the_last_mount_is_on_top),
		cmocka_unit_test(adds_up_connections),
		cmocka_unit_test(knows_older_kernels),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(passes_over_long_lines),
		cmocka_unit_test(cuts_a_long_source),
		cmocka_unit_test(steps_over_wraps),
	};
	return cmocka_run_group_tests_name("nfs parse", tests, NULL, NULL);
}
