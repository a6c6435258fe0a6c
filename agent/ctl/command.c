/* SPDX-License-Identifier: MIT */
/* What all commands do at their end: say what failed, and make sure that the output has arrived. */
#include "agent/ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/text.h"

enum ctl_exit ctl_fail(enum ctl_exit code, const char *text)
{
	struct style style = style_detect(stderr);

	fputs("hostingpictl: ", stderr);
	text_put(stderr, &style, text);
	fputc('\n', stderr);
	return code;
}

enum ctl_exit ctl_output_end(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CTL_FINE;
	fprintf(stderr, "hostingpictl: standard output: %s\n", strerror(errno));
	return CTL_FAILED;
}

enum ctl_exit ctl_print_json(const cJSON *document)
{
	char *text = cJSON_Print(document);

	if (text == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	printf("%s\n", text);
	free(text);
	return ctl_output_end();
}
