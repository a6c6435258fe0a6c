/* SPDX-License-Identifier: MIT */
/* The parsers for the files of ext4 and f2fs in sysfs, hostile content included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/filesystem_parse.h"

static void parses_values(void **state)
{
	int64_t value = 7;
	uint32_t flags = 7;
	char name[8];
	(void)state;

	assert_int_equal(filesystem_count_parse("12\n", 1024, &value), 0);
	assert_int_equal(value, 12288);
	assert_int_equal(filesystem_count_parse("-1\n", 1, &value), -EINVAL);
	assert_int_equal(filesystem_count_parse("", 1, &value), -EINVAL);
	assert_int_equal(filesystem_count_parse("1 2\n", 1, &value), -EINVAL);
	assert_int_equal(filesystem_count_parse("9007199254740993000\n", 1024, &value), -ERANGE);
	assert_int_equal(value, 12288);

	assert_int_equal(filesystem_flags_parse("ffffffff\n", &flags), 0);
	assert_int_equal(flags, UINT32_MAX);
	assert_int_equal(filesystem_flags_parse("0", &flags), 0);
	assert_int_equal(flags, 0);
	const char *const bad[] = {"", "\n", "0x1\n", "1ffffffff\n", "1\n\n", "-1", "g"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(filesystem_flags_parse(bad[i], &flags), -EINVAL);

	filesystem_function_parse("ext4_x\n", name, sizeof(name));
	assert_string_equal(name, "ext4_x");
	filesystem_function_parse("ext4_too_long", name, sizeof(name));
	assert_string_equal(name, "ext4_to");
	filesystem_function_parse("", name, sizeof(name));
	assert_string_equal(name, "?");
	filesystem_function_parse("\xff", name, sizeof(name));
	assert_string_equal(name, "?");

	filesystem_age_text(119, name, sizeof(name));
	assert_string_equal(name, "119 s");
	filesystem_age_text(3600, name, sizeof(name));
	assert_string_equal(name, "60 min");
	filesystem_age_text(7200, name, sizeof(name));
	assert_string_equal(name, "2 h");
	filesystem_age_text(10 * 86400, name, sizeof(name));
	assert_string_equal(name, "10 d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_values),
	};
	return cmocka_run_group_tests_name("filesystem-parse", tests, NULL, NULL);
}
