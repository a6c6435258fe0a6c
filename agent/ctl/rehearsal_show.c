/* SPDX-License-Identifier: MIT */
/* The report of a rehearsal: what each balancer did, what could not be seen, and the verdict with what to do. */
#include <math.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/rehearsal.h"

#define MS_PER_S 1000.0
/* Names of more balancers than this do not fit into a line. */
#define LINE_NAMES 4

static const struct {
	const char *word, *sign;
	enum tone tone;
} verdicts[REHEARSAL_VERDICTS] = {
	[REHEARSAL_OBEYED] = {"obeyed", "+", TONE_GOOD},
	[REHEARSAL_UNSEEN] = {"unseen", "+", TONE_GOOD},
	[REHEARSAL_STAYED] = {"stayed", "!", TONE_BAD},
	[REHEARSAL_DEAF] = {"deaf", "!", TONE_BAD},
	[REHEARSAL_UNASKED] = {"unasked", "!", TONE_BAD},
	[REHEARSAL_BYSTANDER] = {"bystander", " ", TONE_FAINT},
};

static const char *name_of(const struct rehearsal_host *host)
{
	return host->name[0] != '\0' ? host->name : host->address;
}

static double seconds(int64_t from_ms, int64_t to_ms)
{
	return (double)(to_ms - from_ms) / MS_PER_S;
}

static void put_number(FILE *out, const char *label, const cJSON *status, const char *path,
		       int digits)
{
	double number;

	if (document_number(status, path, &number) && fabs(number) < 1e9)
		fprintf(out, "%s %*.*f", label, digits > 0 ? 7 : 4, digits, number);
	else
		fprintf(out, "%s %*s", label, digits > 0 ? 7 : 4, "?");
}

void rehearsal_print_line(FILE *out, const struct style *style, const struct rehearsal *rehearsal,
			  const cJSON *status, const struct connections *connections,
			  int64_t now_ms)
{
	const char *state = document_text(status, "decision.state");
	size_t shown = 0;
	double weight;

	fprintf(out, "%5.0f s  ",
		rehearsal->drain_ms != 0 ? seconds(rehearsal->drain_ms, now_ms) : 0);
	text_put(out, style, state != NULL ? state : "?");
	if (document_number(status, "decision.weight", &weight))
		fprintf(out, "%*s weight %3.0f %%",
			state != NULL && strlen(state) < 8 ? (int)(8 - strlen(state)) : 0, "",
			weight);
	put_number(out, "  requests/s", status, "state.web.requests_s", 1);
	put_number(out, "  at work", status, "state.web.busy_workers", 0);
	for (size_t i = 0; connections != NULL && i < rehearsal->count; i++) {
		const struct rehearsal_host *host = &rehearsal->hosts[i];

		if (!host->host_known)
			continue;
		if (shown++ == LINE_NAMES)
			break;
		fputs(shown > 1 ? ", " : "  connections: ", out);
		text_put(out, style, name_of(host));
		fprintf(out, " %zu", connections_from(connections, &host->host));
	}
	fputc('\n', out);
}

static void put_connections(FILE *out, const struct rehearsal *rehearsal,
			    const struct rehearsal_host *host)
{
	double before = rehearsal_mean_of(&host->before), end = rehearsal_mean_of(&host->end);

	if (isnan(end))
		fprintf(out, "connections before: %.1f", before);
	else
		fprintf(out, "connections from %.1f to %.1f", before, end);
	if (host->least_ms != 0 && host->least < before && rehearsal->drain_ms != 0)
		fprintf(out, " (%zu after %.1f s)", host->least,
			seconds(rehearsal->drain_ms, host->least_ms));
}

static void put_words(FILE *out, const struct rehearsal *rehearsal,
		      const struct rehearsal_host *host)
{
	if (!isnan(host->interval_s))
		fprintf(out, "asks every %.1f s, ", host->interval_s);
	if (host->drain_ms != 0)
		fprintf(out, "heard drain after %.1f s, ",
			seconds(rehearsal->drain_ms, host->drain_ms));
	put_connections(out, rehearsal, host);
	if (host->ready_ms != 0)
		fprintf(out, ", heard ready after %.1f s",
			seconds(rehearsal->ready_ms, host->ready_ms));
	else if (host->drain_ms != 0 && rehearsal->ready_ms != 0)
		fputs(", has not heard ready", out);
}

/* What follows for the person who reads it; empty if nothing does. */
static const char *advice(enum rehearsal_verdict verdict)
{
	switch (verdict) {
	case REHEARSAL_STAYED:
		return "it heard, and still sends: sessions that are bound to this Pi, long "
		       "downloads, or a balancer that does not act on \"drain\"";
	case REHEARSAL_DEAF:
		return "it asks, but was not told in that time: is it gone, or asks too seldom?";
	case REHEARSAL_UNASKED:
		return "did not ask: it has not taken this Pi out (no agent-check there, or "
		       "users who come directly)";
	case REHEARSAL_UNSEEN:
		return "had no connections before: what it does with them was not seen";
	case REHEARSAL_OBEYED:
	case REHEARSAL_BYSTANDER:
	case REHEARSAL_VERDICTS:
		break;
	}
	return "";
}

static void print_host(FILE *out, const struct style *style, const struct rehearsal *rehearsal,
		       const struct rehearsal_host *host)
{
	enum rehearsal_verdict verdict = rehearsal_judge(rehearsal, host);

	if (verdict == REHEARSAL_BYSTANDER)
		return;
	tone_start(out, style, verdicts[verdict].tone);
	fprintf(out, "%s ", verdicts[verdict].sign);
	text_put(out, style, name_of(host));
	tone_end(out, style, verdicts[verdict].tone);
	if (host->name[0] != '\0') {
		fputs(" from ", out);
		text_put(out, style, host->address);
	}
	fputs(": ", out);
	put_words(out, rehearsal, host);
	fputc('\n', out);
	if (advice(verdict)[0] != '\0')
		fprintf(out, "    %s\n", advice(verdict));
}

static void put_ports(FILE *out, const struct connections_ports *ports)
{
	for (size_t i = 0; i < ports->count; i++)
		fprintf(out, "%s%u",
			i == 0		       ? ""
			: i + 1 < ports->count ? ", "
					       : " and ",
			ports->list[i]);
}

static void print_traffic(FILE *out, const struct rehearsal *rehearsal)
{
	double before = rehearsal_mean_of(&rehearsal->requests_before);
	double end = rehearsal_mean_of(&rehearsal->requests_end);

	if (!isnan(before) && !isnan(end))
		fprintf(out, "  requests/s from %.1f to %.1f\n", before, end);
	else if (isnan(before))
		fputs("  requests/s are not known (no web source: see hostingpictl status), so it "
		      "was not seen whether they fell\n",
		      out);
	before = rehearsal_mean_of(&rehearsal->busy_before);
	end = rehearsal_mean_of(&rehearsal->busy_end);
	if (!isnan(before) && !isnan(end))
		fprintf(out, "  requests at work from %.1f to %.1f\n", before, end);
	if (!rehearsal->connections_seen) {
		fputs("  no connection to port ", out);
		put_ports(out, &rehearsal->ports);
		fputs(" was seen: what the balancers did with theirs could not be judged (another "
		      "port: --port)\n",
		      out);
	}
	if (rehearsal->others > 0)
		fputs("  more hosts have connections than are listed: do users come directly, past "
		      "the load balancers?\n",
		      out);
	if (rehearsal->back_ms != 0)
		fprintf(out, "  the weight was back %.1f s after ready\n",
			seconds(rehearsal->ready_ms, rehearsal->back_ms));
	else if (rehearsal->ready_ms != 0 && !rehearsal->interrupted)
		fprintf(out, "  the weight was not yet back at %.0f %%\n", rehearsal->weight);
}

static const char *verdict_text(const struct rehearsal *rehearsal)
{
	size_t asked = 0, obeyed = 0;

	for (size_t i = 0; i < rehearsal->count; i++) {
		const struct rehearsal_host *host = &rehearsal->hosts[i];

		asked += host->by[0] != '\0';
		obeyed += rehearsal_judge(rehearsal, host) == REHEARSAL_OBEYED;
	}
	if (rehearsal->agent_lost)
		return "the agent did not answer to \"ready\": the drain ends by itself";
	if (rehearsal->interrupted)
		return "interrupted: nothing can be said";
	if (rehearsal->ended_early)
		return "somebody else ended the drain: nothing can be said";
	if (rehearsal_passed(rehearsal))
		return obeyed > 0 ? "all load balancers obeyed"
				  : "all load balancers heard it; no connections were seen, so "
				    "whether they obey is open";
	if (asked == 0)
		return "no load balancer asked: none would take this Pi out; look at their "
		       "agent-check, and at listen and allow in [haproxy]";
	return "not all obeyed, or not in time";
}

/* Who stands in the way of "all". */
static void put_culprits(FILE *out, const struct style *style, const struct rehearsal *rehearsal)
{
	size_t shown = 0;

	for (size_t i = 0; i < rehearsal->count; i++) {
		if (verdicts[rehearsal_judge(rehearsal, &rehearsal->hosts[i])].tone != TONE_BAD)
			continue;
		fputs(shown++ > 0 ? ", " : ": ", out);
		text_put(out, style, name_of(&rehearsal->hosts[i]));
	}
}

void rehearsal_print(FILE *out, const struct style *style, const struct rehearsal *rehearsal)
{
	bool passed = rehearsal_passed(rehearsal);

	fputc('\n', out);
	for (size_t i = 0; i < rehearsal->count; i++)
		print_host(out, style, rehearsal, &rehearsal->hosts[i]);
	print_traffic(out, rehearsal);
	tone_start(out, style, passed ? TONE_GOOD : TONE_BAD);
	fputs(verdict_text(rehearsal), out);
	put_culprits(out, style, rehearsal);
	tone_end(out, style, passed ? TONE_GOOD : TONE_BAD);
	fputc('\n', out);
}

/* In thousandths; what is not known, or is no number of ours, is left out. */
static void add_number(cJSON *object, const char *name, double number)
{
	if (number >= 0 && number < 1e12)
		cJSON_AddNumberToObject(object, name,
					(double)(int64_t)(number * 1000 + 0.5) / 1000);
}

static void add_moment(cJSON *object, const char *name, int64_t from_ms, int64_t to_ms)
{
	if (from_ms != 0 && to_ms != 0)
		add_number(object, name, seconds(from_ms, to_ms));
}

static cJSON *host_json(const struct rehearsal *rehearsal, const struct rehearsal_host *host)
{
	cJSON *object = cJSON_CreateObject();

	if (host->name[0] != '\0')
		cJSON_AddStringToObject(object, "name", host->name);
	if (host->address[0] != '\0')
		cJSON_AddStringToObject(object, "address", host->address);
	if (host->by[0] != '\0')
		cJSON_AddStringToObject(object, "by", host->by);
	cJSON_AddStringToObject(object, "verdict", verdicts[rehearsal_judge(rehearsal, host)].word);
	add_number(object, "interval_s", host->interval_s);
	add_moment(object, "heard_drain_s", rehearsal->drain_ms, host->drain_ms);
	add_moment(object, "heard_ready_s", rehearsal->ready_ms, host->ready_ms);
	add_number(object, "connections_before", rehearsal_mean_of(&host->before));
	add_number(object, "connections_end", rehearsal_mean_of(&host->end));
	if (host->least_ms != 0)
		cJSON_AddNumberToObject(object, "connections_least", (double)host->least);
	add_moment(object, "connections_least_s", rehearsal->drain_ms, host->least_ms);
	return object;
}

cJSON *rehearsal_json(const struct rehearsal *rehearsal)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *hosts = cJSON_AddArrayToObject(object, "hosts");

	cJSON_AddBoolToObject(object, "passed", rehearsal_passed(rehearsal));
	cJSON_AddStringToObject(object, "verdict", verdict_text(rehearsal));
	cJSON_AddNumberToObject(object, "for_s", (double)rehearsal->for_ms / MS_PER_S);
	add_moment(object, "drained_s", rehearsal->drain_ms, rehearsal->ready_ms);
	add_moment(object, "back_s", rehearsal->ready_ms, rehearsal->back_ms);
	add_number(object, "requests_s_before", rehearsal_mean_of(&rehearsal->requests_before));
	add_number(object, "requests_s_end", rehearsal_mean_of(&rehearsal->requests_end));
	add_number(object, "busy_before", rehearsal_mean_of(&rehearsal->busy_before));
	add_number(object, "busy_end", rehearsal_mean_of(&rehearsal->busy_end));
	cJSON_AddBoolToObject(object, "connections_seen", rehearsal->connections_seen);
	for (size_t i = 0; i < rehearsal->count; i++)
		cJSON_AddItemToArray(hosts, host_json(rehearsal, &rehearsal->hosts[i]));
	return object;
}
