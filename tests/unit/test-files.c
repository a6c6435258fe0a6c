/* SPDX-License-Identifier: MIT */
/* The decision as files: what is there in each state, and what stands in the way of it. */
#include "files-world.h"

static void test_each_state(void **state)
{
	static const char *const expected[CONTROL_STATES] = {
		[CONTROL_NORMAL] = "state ",	[CONTROL_SHED] = "soft state ",
		[CONTROL_RECOVER] = "state ",	[CONTROL_HARD] = "hard soft state ",
		[CONTROL_HOLD] = "soft state ", [CONTROL_BLIND] = "state ",
	};
	struct world *world = *state;

	assert_string_equal(names(world), "");
	sample(world); /* nothing was decided */
	assert_string_equal(names(world), "");
	for (int from = 0; from < CONTROL_STATES; from++) {
		for (int to = 0; to < CONTROL_STATES; to++) {
			decide(world, from, "one");
			assert_string_equal(names(world), expected[from]);
			decide(world, to, "another");
			assert_string_equal(names(world), expected[to]);
			sample(world);
			assert_string_equal(names(world), expected[to]);
		}
	}
	decide(world, CONTROL_HARD, "swap on disk");
	assert_string_equal(text_of(world, "hard"), "hard swap on disk\n");
	assert_string_equal(text_of(world, "soft"), "hard swap on disk\n");
	decide(world, CONTROL_HOLD, "new card");
	assert_string_equal(text_of(world, "soft"), "hold new card\n");
}

static void test_state_is_json_and_fresh(void **state)
{
	struct world *world = *state;
	struct stat before, after;

	decide(world, CONTROL_SHED, "a \"quoted\" \\ reason");
	assert_int_equal(number_of(world, "headroom_bytes"), 123456789);
	assert_int_equal(number_of(world, "weight"), 40);
	assert_int_equal(number_of(world, "pid"), getpid());
	assert_int_equal(number_of(world, "interval_ms"), 1000);
	assert_true(number_of(world, "time_to_swap_s") == -1); /* null */
	assert_non_null(strstr(text_of(world, "state"), "\"state\":\"shed\""));
	assert_non_null(strstr(text_of(world, "state"), "\"id\":\"pi3\""));
	assert_int_equal(stat(path_of(world, "state"), &before), 0);
	assert_int_equal(before.st_mode & 07777, 0644);

	world->decision.headroom_bytes = INT64_C(-98765432109);
	world->decision.time_to_swap_known = true;
	world->decision.time_to_swap_ms = INT64_MAX;
	sample(world);
	assert_int_equal(stat(path_of(world, "state"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* in place */
	assert_int_equal(before.st_size, after.st_size);
	assert_true(number_of(world, "headroom_bytes") == -98765432109.0);
	assert_true(number_of(world, "time_to_swap_s") == 999999.999);
	assert_true(number_of(world, "ts") == 1795255001000.0);
	world->decision.headroom_known = world->decision.time_to_swap_known = false;
	sample(world);
	assert_true(number_of(world, "headroom_bytes") == -1); /* null */

	decide(world, CONTROL_NORMAL, "all is well");
	assert_int_equal(stat(path_of(world, "state"), &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino); /* renamed */
}

/* A reader who has it open keeps what it was: never half of it. */
static void test_replaced_not_rewritten(void **state)
{
	struct world *world = *state;
	char text[1024] = "";

	decide(world, CONTROL_SHED, "before");
	int fd = open(path_of(world, "state"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	decide(world, CONTROL_HARD, "after");
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_non_null(strstr(text, "before"));
}

static void test_stop_and_start(void **state)
{
	struct world *world = *state;

	decide(world, CONTROL_HARD, "one");
	close_files(world); /* as if killed */
	assert_string_equal(names(world), "hard soft state ");
	open_files(world);
	decide(world, CONTROL_NORMAL, "all is well");
	assert_string_equal(names(world), "state ");
	decide(world, CONTROL_HARD, "two");
	assert_true(files_notifier.stop(world->self));
	assert_string_equal(names(world), "");
	decide(world, CONTROL_HARD, "while it says goodbye");
	sample(world);
	assert_string_equal(names(world), "");
}

/* The next process of the agent takes them over: no mark may be missing in between. */
static void test_hand_over(void **state)
{
	struct world *world = *state;

	decide(world, CONTROL_HARD, "one");
	world->env.leaving = LEAVING_SOON;
	assert_true(files_notifier.stop(world->self));
	decide(world, CONTROL_SHED, "still answering");
	assert_string_equal(names(world), "soft state ");
	world->env.leaving = LEAVING_NOW;
	assert_true(files_notifier.stop(world->self));
	assert_string_equal(names(world), "soft state ");
	world->env.leaving = LEAVING_NOT;
}

static void test_dry_run(void **state)
{
	struct world *world = *state;

	decide(world, CONTROL_HARD, "left behind");
	close_files(world);
	world->env.dry_run = true;
	open_files(world);
	decide(world, CONTROL_HARD, "only said");
	assert_string_equal(names(world), "state ");
	assert_int_equal(number_of(world, "dry_run"), 1);
}

static const char *last_error(const struct world *world)
{
	static char text[1024];
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	files_notifier.status(world->self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

static void test_links_are_not_followed(void **state)
{
	static const char *const all[] = {"state", "soft", "hard", "state.new"};
	struct world *world = *state;
	char victim[64], text[16] = "";

	snprintf(victim, sizeof(victim), "%s/victim", world->directory);
	int fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "untouched", 9), 9);
	close(fd);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(symlink(victim, path_of(world, all[i])), 0);
	decide(world, CONTROL_HARD, "one");
	assert_string_equal(names(world), "hard soft state ");
	assert_string_equal(text_of(world, "hard"), "hard one\n");
	decide(world, CONTROL_NORMAL, "two");
	sample(world);
	fd = open(victim, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 9);
	close(fd);
	assert_string_equal(text, "untouched");
}

/* What others took away, or put there, is mended within ten samples. */
static void test_meddled_with(void **state)
{
	struct world *world = *state;

	decide(world, CONTROL_HARD, "one");
	unlink(path_of(world, "state"));
	unlink(path_of(world, "hard"));
	for (int i = 0; i < 11; i++)
		sample(world);
	assert_string_equal(names(world), "hard soft state ");
	decide(world, CONTROL_NORMAL, "two");
	close(open(path_of(world, "soft"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (int i = 0; i < 11; i++)
		sample(world);
	assert_string_equal(names(world), "state ");
	assert_null(strstr(last_error(world), "files:"));
}

static void test_directory_in_the_way(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(path_of(world, "hard"), 0755), 0);
	decide(world, CONTROL_HARD, "one");
	assert_string_equal(text_of(world, "soft"), "hard one\n");
	assert_int_equal(number_of(world, "weight"), 40);
	assert_non_null(strstr(last_error(world), "a directory is in the way"));
	rmdir(path_of(world, "hard"));
	sample(world);
	assert_string_equal(text_of(world, "hard"), "hard one\n");
	assert_null(strstr(last_error(world), "in the way"));
}

static void test_run_dir_removed(void **state)
{
	struct world *world = *state;
	char moved[64];

	decide(world, CONTROL_SHED, "one");
	snprintf(moved, sizeof(moved), "%s/moved", world->directory);
	unlink(path_of(world, "state"));
	unlink(path_of(world, "soft"));
	assert_int_equal(rmdir(world->run_dir), 0);
	for (int i = 0; i < 11; i++)
		sample(world);
	assert_non_null(strstr(last_error(world), "No such file or directory"));
	assert_int_equal(mkdir(world->run_dir, 0755), 0);
	sample(world);
	sample(world);
	assert_string_equal(names(world), "soft state ");
	assert_null(strstr(last_error(world), "No such file"));
}

static int setup_on_disk(void **state)
{
	return setup_in(state, "/var/tmp");
}

static void test_on_a_disk(void **state)
{
	struct world *world = *state;

	decide(world, CONTROL_HARD, "one");
	sample(world);
	if (strcmp(names(world), "") != 0)
		skip(); /* that one is a tmpfs, too */
	assert_non_null(strstr(last_error(world), "run_dir is on a disk"));
	assert_true(files_notifier.stop(world->self));
}

#define FILES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILES_TEST(test_each_state),
		FILES_TEST(test_state_is_json_and_fresh),
		FILES_TEST(test_replaced_not_rewritten),
		FILES_TEST(test_stop_and_start),
		FILES_TEST(test_hand_over),
		FILES_TEST(test_dry_run),
		FILES_TEST(test_links_are_not_followed),
		FILES_TEST(test_meddled_with),
		FILES_TEST(test_directory_in_the_way),
		FILES_TEST(test_run_dir_removed),
		cmocka_unit_test_setup_teardown(test_on_a_disk, setup_on_disk, teardown),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
