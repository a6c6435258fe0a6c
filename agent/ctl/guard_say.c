/* SPDX-License-Identifier: MIT */
/*
 * The guard shares standard error with its job. When that is a pipe which nobody empties, the job waits in
 * its write, as it should; the guard must not, or it would never resume what it has suspended.
 */
#include "agent/ctl/guard_say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/ctl/text.h"

/* Below PIPE_BUF: what poll() says can be written is written in one piece. */
#define LINE_SIZE 1024

void guard_say(const char *format, ...)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct style style = style_detect(stderr);
	char text[LINE_SIZE - 64], line[LINE_SIZE];
	FILE *out = fmemopen(line, sizeof(line), "w");
	va_list args;
	long length;

	if (out == NULL)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs("hostingpictl: guard: ", out);
	text_put(out, &style, text);
	fputc('\n', out);
	length = ftell(out);
	if (fclose(out) == 0 && length > 0 && poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT &&
	    write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody is there to be told */
}

const char *guard_describe(const struct guard_view *view, const struct guard_rules *rules,
			   char *text, size_t size)
{
	char headroom[TEXT_NUMBER_SIZE], least[TEXT_NUMBER_SIZE];
	FILE *out = fmemopen(text, size, "w");

	if (out == NULL || view->source != GUARD_FRESH) {
		snprintf(text, size, "the state of the machine is not known");
	} else {
		fputs(control_state_words[view->state], out);
		if (view->reason[0] != '\0')
			fprintf(out, " (%s)", view->reason);
		if (view->headroom_known)
			fprintf(out, ", headroom %s",
				text_bytes(headroom, (double)view->headroom_bytes));
		if (view->headroom_known && rules->min_headroom_bytes > 0)
			fprintf(out, " of the %s asked for",
				text_bytes(least, (double)rules->min_headroom_bytes));
	}
	if (out != NULL)
		fclose(out);
	return text;
}
