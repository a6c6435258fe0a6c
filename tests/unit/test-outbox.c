/* SPDX-License-Identifier: MIT */
/*
 * The outbox: what replaces what, what is too old, that a restart finds everything again, and that a folder
 * full of lies harms nobody. The folder must be a tmpfs, so that it is made in /dev/shm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/post_outbox.h"

#define HOUR_NS (3600 * NS_PER_S)

static char run_dir[64];
static struct post_outbox outbox;
static char dropped[4096]; /* "kind why, kind why, " */
static int64_t now_ns;

static void on_dropped(void *context, const struct post_message *message, const char *why)
{
	size_t used = strlen(dropped);

	(void)context;
	snprintf(dropped + used, sizeof(dropped) - used, "%.32s %s, ", message->text, why);
}

static void open_outbox(void)
{
	memset(&outbox, 0, sizeof(outbox));
	post_outbox_open(&outbox, run_dir, on_dropped, NULL);
}

static int setup(void **state)
{
	(void)state;
	strcpy(run_dir, "/dev/shm/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	now_ns = 1000 * NS_PER_S;
	dropped[0] = '\0';
	open_outbox();
	return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	post_outbox_close(&outbox);
	return nftw(run_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int add_about(int kind, const char *about, const char *text)
{
	static int count;
	struct post_message message = {.kind = kind, .created_ms = 5, .created_ns = now_ns};

	snprintf(message.id, sizeof(message.id), "%08x-0", ++count);
	snprintf(message.about, sizeof(message.about), "%s", about);
	snprintf(message.text, sizeof(message.text), "%s", text);
	return post_outbox_add(&outbox, &message, now_ns);
}

static void add(int kind, const char *text)
{
	assert_int_equal(add_about(kind, "", text), 0);
}

/* The texts that wait, oldest first. */
static void assert_waiting(const char *expected)
{
	char texts[1024] = "";

	for (size_t i = 0; i < outbox.count; i++) {
		strcat(texts, i ? " " : "");
		strcat(texts, outbox.messages[i].text);
	}
	assert_string_equal(texts, expected);
}

static void reopen(void)
{
	post_outbox_close(&outbox);
	open_outbox();
}

static size_t count_files(void)
{
	char command[128];
	size_t count = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -A %s/outbox | wc -l", run_dir);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%zu", &count), 1);
	pclose(pipe);
	return count;
}

static void test_newest_state_wins(void **state)
{
	(void)state;
	add(POST_START, "start");
	add(POST_SHED, "shed");
	add(POST_HARD, "hard");
	assert_waiting("start hard");
	add(POST_NORMAL, "normal");
	add(POST_DAILY, "daily");
	add(POST_OPERATOR, "hello");
	assert_waiting("start normal daily hello");
	add(POST_SHED, "shed2");
	add(POST_DAILY, "daily2");
	assert_waiting("start hello shed2 daily2");
	add(POST_START, "start2");
	assert_waiting("hello shed2 daily2 start2");
	assert_string_equal(dropped, "shed superseded, hard superseded, normal superseded, "
				     "daily superseded, start superseded, ");
	assert_int_equal(count_files(), 4);
}

static void test_incidents_by_kind(void **state)
{
	(void)state;
	add_about(POST_INCIDENT, "oom-kill", "oom");
	add_about(POST_INCIDENT, "sd-removed", "gone");
	add_about(POST_INCIDENT, "oom-kill", "oom2");
	assert_waiting("gone oom2");
}

/* What is being sent may be out already. */
static void test_busy_is_left_alone(void **state)
{
	(void)state;
	add(POST_SHED, "shed");
	outbox.busy = outbox.messages[0].number;
	add(POST_NORMAL, "normal");
	now_ns += 100 * HOUR_NS;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("shed");
	assert_string_equal(dropped, "normal too old, ");
	outbox.busy = 0;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("");
}

static void test_ages(void **state)
{
	(void)state;
	add(POST_OPERATOR, "hello");
	add(POST_START, "start");
	add(POST_DAILY, "daily");
	add_about(POST_INCIDENT, "x", "incident");
	add(POST_SHED, "shed");
	now_ns += HOUR_NS - 1;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("hello start daily incident shed");
	now_ns += 1;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("hello start daily incident");
	now_ns += 5 * HOUR_NS;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("hello daily incident");
	now_ns += 10000 * HOUR_NS;
	post_outbox_expire(&outbox, now_ns);
	assert_waiting("hello");
	assert_int_equal(count_files(), 1);
}

static void test_no_room(void **state)
{
	char text[16];

	(void)state;
	add(POST_DAILY, "daily");
	for (int i = 1; i < POST_OUTBOX_PLACES; i++) {
		snprintf(text, sizeof(text), "%d", i);
		add(POST_OPERATOR, text);
	}
	/* An operator hears of it, news takes the place of news. */
	assert_int_equal(add_about(POST_OPERATOR, "", "more"), -ENOSPC);
	add(POST_NORMAL, "normal");
	assert_string_equal(dropped, "daily no room, ");
	outbox.busy = post_outbox_find(&outbox, outbox.next - 1)->number;
	assert_int_equal(add_about(POST_INCIDENT, "x", "x"), -ENOSPC);
	assert_int_equal(outbox.count, POST_OUTBOX_PLACES);
	reopen();
	assert_int_equal(outbox.count, POST_OUTBOX_PLACES);
}

static void test_restart(void **state)
{
	const char *text = "K\xc3\xbchler \"quoted\"\n\\u0041 \xf0\x9f\xa5\xa7";
	struct post_message before;

	(void)state;
	add(POST_OPERATOR, text);
	add_about(POST_INCIDENT, "sd-removed", "gone");
	add(POST_DAILY, "daily");
	outbox.messages[0].attempts = 3;
	strcpy(outbox.messages[0].last, "no_credit");
	post_outbox_update(&outbox, &outbox.messages[0]);
	post_outbox_remove(&outbox, &outbox.messages[2]);
	before = outbox.messages[0];
	reopen();
	assert_int_equal(outbox.count, 2);
	assert_memory_equal(&outbox.messages[0], &before, sizeof(before));
	assert_string_equal(outbox.messages[1].about, "sd-removed");
	assert_int_equal(outbox.next, 3);
	assert_null(post_outbox_find(&outbox, 3));
	add(POST_NORMAL, "normal"); /* behind the others */
	assert_int_equal(outbox.messages[2].number, 3);
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/outbox/%s", run_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

#define GOOD                                                                                       \
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"        \
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}"

static const char *const lies[] = {
	"",
	"{",
	"[]",
	"null",
	GOOD GOOD,
	GOOD "\0",
	"{\"id\":\"a-1\"}",
	"{\"id\":\"a-1\",\"id\":\"a-2\"}",
	"{\"id\":\"../../x\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"flood\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"\\u001b[2J\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"a\\u0000b\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":-1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"
	"\"created_ns\":1e300,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":\"0\",\"maybe_ns\":0,\"result\":\"\"}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"x\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\",\"more\":1}",
	"{\"id\":\"a-1\",\"kind\":\"shed\",\"about\":\"\",\"text\":\"\xff\",\"created_ms\":1,"
	"\"created_ns\":2,\"attempts\":0,\"maybe_ns\":0,\"result\":\"\"}",
};

static void test_lies(void **state)
{
	char name[16], big[POST_FILE_SIZE + 1], path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snprintf(name, sizeof(name), "%08zu.json", i + 10);
		write_file(name, lies[i], strlen(lies[i]) + (i == 5));
	}
	memset(big, ' ', sizeof(big));
	write_file("00000099.json", big, sizeof(big));
	write_file("99999999.json", GOOD, strlen(GOOD)); /* the next number would be too long */
	write_file("00000000.json", GOOD, strlen(GOOD));
	write_file("1.json", GOOD, strlen(GOOD));
	write_file(".new", GOOD, strlen(GOOD));
	write_file("\x1b[2J", GOOD, strlen(GOOD));
	snprintf(path, sizeof(path), "%s/outbox/00000098.json", run_dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/outbox/00000097.json", run_dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/outbox/00000096.json", run_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("00000007.json", GOOD "\n", strlen(GOOD) + 1);
	write_file("memory", "kept", 4);
	reopen();
	assert_waiting("x");
	assert_int_equal(outbox.messages[0].number, 7);
	assert_int_equal(count_files(), 2);
}

/* More messages than there are places: the rest is refused and removed, and none comes twice. */
static void test_too_many_files(void **state)
{
	char name[24];

	(void)state;
	for (int i = 1; i <= 2 * POST_OUTBOX_PLACES; i++) {
		snprintf(name, sizeof(name), "%08d.json", i);
		write_file(name, GOOD, strlen(GOOD));
	}
	reopen();
	assert_int_equal(outbox.count, POST_OUTBOX_PLACES);
	assert_int_equal(count_files(), POST_OUTBOX_PLACES);
	for (size_t i = 1; i < outbox.count; i++)
		assert_true(outbox.messages[i].number > outbox.messages[i - 1].number);
}

/* A folder that cannot be used: everything works, in memory. */
static void test_memory_only(void **state)
{
	static const char *const places[] = {"/proc/nothing", "/etc/passwd"};
	char buffer[16];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		post_outbox_close(&outbox);
		memset(&outbox, 0, sizeof(outbox));
		post_outbox_open(&outbox, places[i], on_dropped, NULL);
		assert_int_equal(outbox.fd, -1);
		add(POST_SHED, "shed");
		add(POST_NORMAL, "normal");
		assert_waiting("normal");
		post_outbox_write(&outbox, "memory", "x", 1);
		assert_int_equal(post_outbox_read(&outbox, "memory", buffer, 16), -ENOENT);
		post_outbox_remove(&outbox, &outbox.messages[0]);
		assert_int_equal(outbox.count, 0);
	}
}

/* The folder goes away while it is used. */
static void test_folder_is_lost(void **state)
{
	char command[128];

	(void)state;
	add(POST_SHED, "shed");
	snprintf(command, sizeof(command), "rm -r %s/outbox", run_dir);
	assert_int_equal(system(command), 0);
	add(POST_NORMAL, "normal");
	assert_waiting("normal");
	assert_true(outbox.trouble.text[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest_state_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_incidents_by_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_is_lost, setup, teardown),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
