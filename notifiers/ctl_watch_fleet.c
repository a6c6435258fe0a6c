/* SPDX-License-Identifier: MIT */
/*
 * `hostingpictl watch --mqtt`: all Pis below a prefix, once a second as a table, or each change as a
 * line of JSON. The first failure to reach the broker ends the program, as a wrong name would never
 * get right; after that it is shown and waited for.
 *
 * What is retained comes at once, samples within their interval. So a frame counts as one of the COUNT
 * only after a connection has stood for a moment.
 */
#include "notifiers/ctl_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/keys.h"
#include "agent/ctl/text.h"
#include "agent/env.h"
#include "agent/json.h"
#include "notifiers/ctl_feed.h"
#include "notifiers/ctl_fleet_show.h"

#define PERIOD_NS NS_PER_S
/* Twice the usual interval. */
#define SETTLE_NS (2 * NS_PER_S)

/* What the feed says of itself, taken with the lock held. */
struct outlook {
	bool hopeless; /* the first calls have failed */
	bool settled;
	bool up;
};

struct view {
	struct feed *feed;
	struct style style;
	struct outlook outlook; /* at the last look */
	char *text;		/* the newest table, or lines of JSON */
	bool told;		/* whether the broker is there, to be said again when it changes */
	bool told_up;
};

static struct outlook outlook_of(const struct feed *feed, int64_t now_ns)
{
	return (struct outlook){
		.hopeless = feed->failed && !feed->was_up,
		.settled = feed->was_up && (!feed->up || now_ns - feed->since_ns >= SETTLE_NS),
		.up = feed->up,
	};
}

static void print_head(FILE *out, const struct view *view, struct fleet_pi *const *order,
		       size_t count, int64_t now_ns)
{
	const struct feed *feed = view->feed;
	char text[TEXT_NUMBER_SIZE];
	time_t now = time(NULL);
	struct tm at;

	if (localtime_r(&now, &at) != NULL && strftime(text, sizeof(text), "%T", &at) > 0)
		fprintf(out, "%s  ", text);
	tone_start(out, &view->style, TONE_STRONG);
	text_put(out, &view->style, feed->fleet.prefix);
	tone_end(out, &view->style, TONE_STRONG);
	fputs(" at ", out);
	text_put(out, &view->style, feed->broker.name);
	fputs("  ", out);
	fleet_print_count(out, order, count);
	fputc('\n', out);
	if (feed->up)
		return;
	tone_start(out, &view->style, TONE_BAD);
	if (feed->failed) {
		fprintf(out, "the broker is away for %s: ",
			text_duration(text, (double)(now_ns - feed->since_ns) / NS_PER_S));
		text_put(out, &view->style, feed->trouble);
	} else {
		fputs("calling the broker", out);
	}
	tone_end(out, &view->style, TONE_BAD);
	fputc('\n', out);
}

/* Writes a frame; with the lock held. */
static void frame_print(FILE *out, const struct view *view, size_t columns)
{
	static struct fleet_pi *order[FLEET_PIS];
	struct ctl_fleet *fleet = &view->feed->fleet;
	int64_t now_ns = ctl_broker_now_ns();
	size_t count;

	fleet_look(fleet, now_ns);
	count = fleet_order(fleet, order);
	print_head(out, view, order, count, now_ns);
	fputc('\n', out);
	if (count > 0)
		fleet_print_table(out, &view->style, order, count, now_ns, columns);
	else
		fputs("no Pi has said anything there yet, or the broker lets this user read "
		      "nothing\n",
		      out);
	fleet_print_ignored(out, fleet);
}

/* The same in memory: whoever reads the output may be slow, and the feed must not wait for it. */
static struct outlook frame_make(struct view *view)
{
	size_t size;
	FILE *out;

	free(view->text);
	view->text = NULL;
	out = open_memstream(&view->text, &size);
	if (out != NULL) {
		frame_print(out, view, text_columns(stdout));
		fclose(out);
	}
	return outlook_of(view->feed, ctl_broker_now_ns());
}

/* Says whether the broker is there, if that has changed. */
static void print_broker(FILE *out, struct view *view)
{
	const struct feed *feed = view->feed;
	char buffer[2048];
	struct json json;

	if (feed->up == view->told_up && view->told)
		return;
	view->told = true;
	view->told_up = feed->up;
	json_start(&json, buffer, sizeof(buffer));
	json_object(&json, NULL);
	json_text(&json, "broker", feed->broker.name);
	json_bool(&json, "connected", feed->up);
	if (!feed->up)
		json_text(&json, "reason", feed->trouble);
	json_object_end(&json);
	if (json_finish(&json) > 0)
		fprintf(out, "%s\n", buffer);
}

/* Writes what has changed, *left Pis at most (negative: all); with the lock held. */
static struct outlook changes_make(struct view *view, long *left)
{
	struct ctl_fleet *fleet = &view->feed->fleet;
	int64_t now_ns = ctl_broker_now_ns();
	struct outlook outlook = outlook_of(view->feed, now_ns);
	size_t size;
	FILE *out;

	free(view->text);
	view->text = NULL;
	out = open_memstream(&view->text, &size);
	if (out == NULL)
		return outlook;
	if (view->feed->was_up)
		print_broker(out, view);
	fleet_look(fleet, now_ns);
	for (size_t i = 0; i < fleet->count && *left != 0; i++) {
		if (!fleet->pis[i].changed)
			continue;
		fleet->pis[i].changed = false;
		fleet_print_json(out, &fleet->pis[i], now_ns);
		*left -= *left > 0;
	}
	fclose(out);
	return outlook;
}

static enum ctl_exit fail_broker(const struct view *view)
{
	char text[1024];

	snprintf(text, sizeof(text), "broker %s: %s", view->feed->broker.name, view->feed->trouble);
	return ctl_fail(CTL_ABSENT, text);
}

static enum ctl_exit json_run(struct view *view, long count)
{
	long left = count > 0 ? count : -1;
	struct outlook outlook;

	do {
		pthread_mutex_lock(&view->feed->lock);
		feed_wait(view->feed, ctl_broker_now_ns() + PERIOD_NS);
		outlook = changes_make(view, &left);
		pthread_mutex_unlock(&view->feed->lock);
		if (outlook.hopeless)
			return fail_broker(view);
		fputs(view->text != NULL ? view->text : "", stdout);
		if (ctl_output_end() != CTL_FINE)
			return CTL_FAILED;
	} while (left != 0);
	return CTL_FINE;
}

/* Lets time pass until due_ns, or until a frame counts if none has yet. */
static struct outlook frame_await(struct view *view, int64_t due_ns, bool first)
{
	struct outlook outlook;
	int64_t now_ns;

	pthread_mutex_lock(&view->feed->lock);
	do {
		now_ns = ctl_broker_now_ns();
		outlook = outlook_of(view->feed, now_ns);
		if (outlook.hopeless || (first ? outlook.settled : now_ns >= due_ns))
			break;
		feed_wait(view->feed, first ? now_ns + NS_PER_S / 10 : due_ns);
	} while (true);
	outlook = frame_make(view);
	pthread_mutex_unlock(&view->feed->lock);
	return outlook;
}

static enum ctl_exit tables_run(struct view *view, long count)
{
	int64_t due_ns = 0;
	struct outlook outlook;

	for (long i = 1;; i++) {
		outlook = frame_await(view, due_ns, i == 1);
		if (outlook.hopeless)
			return fail_broker(view);
		due_ns = (i == 1 ? ctl_broker_now_ns() : due_ns) + PERIOD_NS;
		if (due_ns < ctl_broker_now_ns())
			due_ns = ctl_broker_now_ns();
		printf("%s%s", i > 1 ? "\n" : "", view->text != NULL ? view->text : "");
		if (ctl_output_end() != CTL_FINE)
			return CTL_FAILED;
		if (i == count)
			return outlook.up ? CTL_FINE : CTL_ABSENT;
	}
}

static enum keys_look feed_look(void *context)
{
	struct view *view = context;

	pthread_mutex_lock(&view->feed->lock);
	view->outlook = outlook_of(view->feed, ctl_broker_now_ns());
	pthread_mutex_unlock(&view->feed->lock);
	if (view->outlook.hopeless)
		return KEYS_ENDS;
	return view->outlook.settled ? KEYS_COUNTS : KEYS_EARLY;
}

static void print_help(FILE *out)
{
	fputs("\n"
	      "  keys\n"
	      "    q       quit; so does Ctrl-C\n"
	      "    space   pause, and go on\n"
	      "    ?       this page, and back\n"
	      "\n"
	      "  columns\n"
	      "    LINK          whether its news come in\n"
	      "    WGHT, CONN    what it tells its load balancers: weight, and requests for each\n"
	      "    HEADRM, SWAP  memory before the kernel starts to swap, and when that is used up\n"
	      "    SD            the health of its card\n"
	      "  Trouble comes first; man hostingpictl says in which order.\n",
	      out);
}

static void fleet_draw(void *context, FILE *out, const struct keys_window *window)
{
	struct view *view = context;
	struct frame frame;

	if (!frame_open(&frame))
		return;
	if (window->help) {
		print_help(frame.out);
	} else {
		pthread_mutex_lock(&view->feed->lock);
		frame_print(frame.out, view, window->columns);
		pthread_mutex_unlock(&view->feed->lock);
	}
	keys_write(out, &view->style, window, &frame, NULL);
	frame_close(&frame);
}

static enum ctl_exit screen_run(struct view *view, long count)
{
	const struct keys_view keys = {
		.context = view,
		.style = view->style,
		.look = feed_look,
		.draw = fleet_draw,
	};
	enum keys_end end;
	enum ctl_exit result = keys_run(&keys, count, &end);

	if (result != CTL_FINE || end == KEYS_QUIT)
		return result;
	return view->outlook.up ? CTL_FINE : fail_broker(view);
}

static enum ctl_exit run_fleet(const struct ctl_options *options, struct client *client)
{
	struct view view = {.feed = calloc(1, sizeof(*view.feed)), .style = style_detect(stdout)};
	enum ctl_exit result;

	(void)client;
	if (view.feed == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	result = feed_start(view.feed, options);
	if (result == CTL_FINE && options->json)
		result = json_run(&view, options->count);
	else if (result == CTL_FINE && text_terminal(stdout))
		result = screen_run(&view, options->count);
	else if (result == CTL_FINE)
		result = tables_run(&view, options->count);
	if (feed_stop(view.feed))
		free(view.feed);
	free(view.text);
	return result;
}

const struct ctl_command ctl_fleet_command = {
	.name = "watch",
	.variant = CTL_OPTION_MQTT,
	.takes = CTL_OPTION_COUNT | CTL_OPTION_CONFIG | CTL_OPTION_PREFIX,
	.help = "  watch --mqtt          all Pis that the broker knows, as a table\n",
	.details = "  --mqtt                of all Pis that the broker knows, not of this agent\n"
		   "  -n, --count N         stop after N times\n"
		   "  -c, --config FILE     the file with the broker (default as hostingpid)\n"
		   "  --prefix TEXT         first levels of the topics, instead of those in it\n"
		   "keys: q quit, space pause, ? help\n",
	.run = run_fleet,
};
