/* SPDX-License-Identifier: MIT */
/* The file of the control socket: its mode, stale ones, other daemons, places that cannot be used. */
#include "tests/unit/control-fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>

static mode_t mode_of(const char *path)
{
	struct stat file;

	assert_int_equal(lstat(path, &file), 0);
	return file.st_mode;
}

static bool answers(const struct fixture *fixture)
{
	int fd = client_new(fixture);
	char byte;
	bool answered;

	assert_int_equal(send(fd, "?\n", 2, MSG_NOSIGNAL), 2);
	settle();
	answered = recv(fd, &byte, 1, 0) == 1;
	close(fd);
	settle();
	return answered;
}

static void test_modes_and_removal(void **state)
{
	struct fixture *fixture = *state;
	const struct group *group = getgrnam("hostingpi");
	mode_t mask = umask(0077); /* a careful administrator's must not lock the group out */
	struct stat file;

	fixture->control = fixture_open(fixture);
	assert_int_equal(umask(mask), 0077);
	assert_non_null(fixture->control);
	assert_int_equal(mode_of(fixture->run_dir), S_IFDIR | 0755);
	assert_int_equal(mode_of(fixture->address.sun_path), S_IFSOCK | 0660);
	assert_int_equal(stat(fixture->address.sun_path, &file), 0);
	if (geteuid() == 0 && group != NULL)
		assert_int_equal(file.st_gid, group->gr_gid);
	else
		assert_int_equal(file.st_gid, getegid());
	assert_true(answers(fixture));

	control_free(fixture->control);
	fixture->control = NULL;
	assert_int_equal(access(fixture->address.sun_path, F_OK), -1);
	assert_false(the_timer.taken);
	for (size_t i = 0; i < WATCHES; i++)
		assert_int_equal(watches[i].events, 0);
}

/* A directory that is there keeps its mode: systemd or the administrator chose it. */
static void test_directory_is_kept(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(fixture->run_dir, 0700), 0);
	fixture->control = fixture_open(fixture);
	assert_non_null(fixture->control);
	assert_int_equal(mode_of(fixture->run_dir), S_IFDIR | 0700);
}

/* The socket of a daemon that was killed. */
static void test_stale_socket(void **state)
{
	struct fixture *fixture = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(mkdir(fixture->run_dir, 0755), 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&fixture->address, sizeof(fixture->address)), 0);
	close(fd);
	fixture->control = fixture_open(fixture);
	assert_non_null(fixture->control);
	assert_true(answers(fixture));
}

static void test_living_daemon(void **state)
{
	struct fixture *fixture = *state;

	fixture->control = fixture_open(fixture);
	assert_non_null(fixture->control);
	the_timer.taken = false; /* room for a second one, should it come that far */
	errno = 0;
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, EADDRINUSE);
	the_timer.taken = true;
	settle();
	assert_true(answers(fixture));
}

/* Another one whose backlog is full lives as well. */
static void test_living_daemon_that_is_busy(void **state)
{
	struct fixture *fixture = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(mkdir(fixture->run_dir, 0755), 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&fixture->address, sizeof(fixture->address)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(connect(client, (const struct sockaddr *)&fixture->address,
				 sizeof(fixture->address)),
			 0);
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, EADDRINUSE);
	close(client);
	close(fd);
}

static void test_what_is_not_a_socket_stays(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	assert_int_equal(mkdir(fixture->run_dir, 0755), 0);
	fd = open(fixture->address.sun_path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(mode_of(fixture->address.sun_path), S_IFREG | 0600);
}

/* Somebody else's socket under our name is not removed with ours. */
static void test_foreign_socket_stays(void **state)
{
	struct fixture *fixture = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char away[sizeof(fixture->address.sun_path) + 2];

	fixture->control = fixture_open(fixture);
	assert_non_null(fixture->control);
	/* Moved, not removed: the number of its inode would be given out again. */
	snprintf(away, sizeof(away), "%s.1", fixture->address.sun_path);
	assert_int_equal(rename(fixture->address.sun_path, away), 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&fixture->address, sizeof(fixture->address)), 0);
	control_free(fixture->control);
	fixture->control = NULL;
	assert_true(S_ISSOCK(mode_of(fixture->address.sun_path)));
	close(fd);
	assert_int_equal(unlink(away), 0);
}

static void test_places_that_cannot_be_used(void **state)
{
	struct fixture *fixture = *state;
	char path[200];

	/* No parent directory. */
	fixture->env.run_dir = "/proc/nothing/here";
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, ENOENT);
	/* A file instead of a directory. */
	fixture->env.run_dir = "/proc/version";
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, ENOTDIR);
	/* Longer than a socket's name may be. */
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	fixture->env.run_dir = path;
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, ENAMETOOLONG);
	fixture->env.run_dir = fixture->run_dir;
}

/* Opens it in vain; what standard error gets meanwhile is written to text. */
static void complain(struct fixture *fixture, char *text, size_t size)
{
	FILE *caught = tmpfile();
	int saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_non_null(caught);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
	assert_null(fixture_open(fixture));
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	length = pread(fileno(caught), text, size - 1, 0);
	assert_true(length > 0);
	text[length] = '\0';
	fclose(caught);
}

static void expect_word(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("'%s' is not in: %s", word, text);
}

/* What is to be done follows from what is wrong. */
static void test_remedies(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, few;
	char text[1024], path[200];
	int next, high;

	fixture->env.run_dir = "/proc/nothing/here";
	complain(fixture, text, sizeof(text));
	expect_word(text, "whose parent is");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	fixture->env.run_dir = path;
	complain(fixture, text, sizeof(text));
	expect_word(text, "shorter path");
	fixture->env.run_dir = fixture->run_dir;

	/* All but the two descriptors that complain() needs are in use. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = dup(STDERR_FILENO);
	high = dup(STDERR_FILENO);
	close(high);
	close(next);
	few = (struct rlimit){.rlim_cur = (rlim_t)high + 1, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	complain(fixture, text, sizeof(text));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_word(text, "LimitNOFILE=");
	assert_null(strstr(text, "run_dir to"));
}

static void test_without_a_loop(void **state)
{
	struct fixture *fixture = *state;

	fixture->env.loop = NULL;
	assert_null(fixture_open(fixture));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(access(fixture->address.sun_path, F_OK), -1);
	control_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_prepare, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes_and_removal),
		TEST(test_directory_is_kept),
		TEST(test_stale_socket),
		TEST(test_living_daemon),
		TEST(test_living_daemon_that_is_busy),
		TEST(test_what_is_not_a_socket_stays),
		TEST(test_foreign_socket_stays),
		TEST(test_places_that_cannot_be_used),
		TEST(test_remedies),
		TEST(test_without_a_loop),
	};

	return cmocka_run_group_tests_name("control socket", tests, NULL, NULL);
}
