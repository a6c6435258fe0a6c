/* SPDX-License-Identifier: MIT */
/*
 * Everything in a result is printable ASCII by now; what the operator wrote may not be, and goes
 * through text_put(). In the line of a monitoring plugin '|' begins the performance data, so it
 * can be no part of the text.
 */
#include "agent/ctl/check_print.h"

#include <stdio.h>
#include <string.h>

#include "agent/ctl/check_exit.h"

/* Of a name in the table: longer ones push their row to the right. */
#define HOST_COLUMN 24

static enum tone tone_of(const struct check_result *result)
{
	static const enum tone tones[] = {
		[CONTROL_NORMAL] = TONE_GOOD,  [CONTROL_SHED] = TONE_WARNING,
		[CONTROL_RECOVER] = TONE_GOOD, [CONTROL_HARD] = TONE_BAD,
		[CONTROL_HOLD] = TONE_WARNING, [CONTROL_BLIND] = TONE_WARNING,
	};

	return result->answered ? tones[result->answer.state] : TONE_BAD;
}

static const char *word_of(const struct check_result *result)
{
	return result->answered ? control_state_words[result->answer.state] : "no answer";
}

/* What balancers are told, where that is not the decision. */
static const char *told(const struct check_answer *answer)
{
	if (answer->dry_run)
		return " (dry run: balancers are told 100 %)";
	if (answer->fail)
		return " (out of the balancers)";
	return answer->drain ? " (drained)" : "";
}

void check_print_line(FILE *out, const struct style *style, const struct check_target *target,
		      const struct check_result *result)
{
	const struct check_answer *answer = &result->answer;

	text_put(out, style, target->text);
	fputs(": ", out);
	tone_start(out, style, tone_of(result));
	fputs(word_of(result), out);
	tone_end(out, style, tone_of(result));
	if (!result->answered) {
		fprintf(out, ": %s\n", result->error);
		return;
	}
	fprintf(out, ", weight %d %%", answer->weight);
	if (answer->maxconn > 0)
		fprintf(out, ", cap %d", answer->maxconn);
	fprintf(out, "%s%s%s (%lld ms)\n", told(answer), answer->reason[0] ? ": " : "",
		answer->reason, (long long)(result->took_us / 1000));
}

static void print_row(FILE *out, const struct style *style, const struct check_target *target,
		      const struct check_result *result)
{
	const struct check_answer *answer = &result->answer;
	char number[TEXT_NUMBER_SIZE];

	text_put(out, style, target->text);
	fprintf(out, "%*s ",
		(int)(strlen(target->text) < HOST_COLUMN ? HOST_COLUMN - strlen(target->text) : 0),
		"");
	tone_start(out, style, tone_of(result));
	fprintf(out, "%-9s", word_of(result));
	tone_end(out, style, tone_of(result));
	if (!result->answered) {
		fprintf(out, " %6s %5s %8s  %s\n", "-", "-", "-", result->error);
		return;
	}
	snprintf(number, sizeof(number), "%d %%", answer->weight);
	fprintf(out, " %6s", number);
	if (answer->maxconn > 0)
		fprintf(out, " %5d", answer->maxconn);
	else
		fprintf(out, " %5s", "-");
	snprintf(number, sizeof(number), "%lld ms", (long long)(result->took_us / 1000));
	fprintf(out, " %8s  %s%s\n", number, answer->reason, told(answer));
}

void check_print_table(FILE *out, const struct style *style, const struct check_target *targets,
		       const struct check_result *results, size_t count)
{
	tone_start(out, style, TONE_STRONG);
	fprintf(out, "%-*s %-9s %6s %5s %8s  %s", HOST_COLUMN, "HOST", "STATE", "WEIGHT", "CAP",
		"TIME", "REASON");
	tone_end(out, style, TONE_STRONG);
	fputc('\n', out);
	for (size_t i = 0; i < count; i++)
		print_row(out, style, &targets[i], &results[i]);
}

static void put_no_bar(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text == '|' ? '/' : *text, out);
}

void check_print_nagios(FILE *out, const struct check_target *target,
			const struct check_result *result, int64_t timeout_ms)
{
	static const char *const words[] = {
		[NAGIOS_OK] = "OK",
		[NAGIOS_WARNING] = "WARNING",
		[NAGIOS_CRITICAL] = "CRITICAL",
		[NAGIOS_UNKNOWN] = "UNKNOWN",
	};
	const struct check_answer *answer = &result->answer;

	fprintf(out, "HOSTINGPI %s - ", words[check_exit_code(CHECK_NAGIOS, result)]);
	if (!result->answered) {
		/* The sentence begins with the address that was tried, which may be what was asked for. */
		if (strncmp(result->error, target->text, strlen(target->text)) != 0) {
			put_no_bar(out, target->text);
			fputs(": ", out);
		}
		put_no_bar(out, result->error);
		fputc('\n', out);
		return;
	}
	fprintf(out, "%s, weight %d %%", word_of(result), answer->weight);
	if (answer->maxconn > 0)
		fprintf(out, ", cap %d", answer->maxconn);
	fputs(told(answer), out);
	if (answer->reason[0]) {
		fputs(": ", out);
		put_no_bar(out, answer->reason);
	}
	/* label=value[unit];warning;critical;least;most */
	fprintf(out, " | weight=%d%%;;;0;100", answer->weight);
	if (answer->maxconn > 0)
		fprintf(out, " maxconn=%d;;;0", answer->maxconn);
	fprintf(out, " time=%lld.%06llds;;;0;%lld.%03lld\n", (long long)(result->took_us / 1000000),
		(long long)(result->took_us % 1000000), (long long)(timeout_ms / 1000),
		(long long)(timeout_ms % 1000));
}

cJSON *check_print_json(const struct check_target *target, const struct check_result *result,
			int code)
{
	const struct check_answer *answer = &result->answer;
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "host", target->text);
	cJSON_AddBoolToObject(object, "answered", result->answered);
	cJSON_AddNumberToObject(object, "exit", code);
	if (result->address[0])
		cJSON_AddStringToObject(object, "address", result->address);
	cJSON_AddNumberToObject(object, "took_ms", (double)(result->took_us / 1000));
	if (!result->answered) {
		cJSON_AddStringToObject(object, "error", result->error);
		return object;
	}
	cJSON_AddNumberToObject(object, "status", answer->status);
	cJSON_AddStringToObject(object, "state", word_of(result));
	cJSON_AddStringToObject(object, "reason", answer->reason);
	cJSON_AddNumberToObject(object, "weight", answer->weight);
	if (answer->maxconn > 0)
		cJSON_AddNumberToObject(object, "maxconn", answer->maxconn);
	cJSON_AddNumberToObject(object, "told_weight", answer->told_weight);
	cJSON_AddBoolToObject(object, "drain", answer->drain);
	cJSON_AddBoolToObject(object, "fail", answer->fail);
	cJSON_AddBoolToObject(object, "dry_run", answer->dry_run);
	return object;
}
