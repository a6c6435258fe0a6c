/* SPDX-License-Identifier: MIT */
/*
 * Bytes that went through the network, as two counters that only grow: the growth of each interface
 * is added, so that an interface may come, go, or start its counters anew without a jump.
 *
 * What counts: interfaces with a device behind them (the kernel links it as `device` in
 * /sys/class/net/NAME: Ethernet, Wi-Fi, USB modems). Bridges, veth pairs, VLANs, bonds, tunnels and
 * the like have none; their bytes pass through one that has, or never leave the machine, and would
 * count double. Where nothing has a device (a container, a network namespace), all interfaces count
 * except those whose names say that they belong to containers or bridges on this side.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/network_parse.h"

/* A line has about 125 characters: room for twice NETWORK_INTERFACES. */
#define TEXT_SIZE (16 * 1024)
#define REASON_SIZE 96

enum network_metric {
	NET_RX,
	NET_TX,
	NET_METRICS,
};

static const struct metric network_metrics[NET_METRICS] = {
	[NET_RX] = {.group = "net",
		    .rate_name = "rx_bytes_s",
		    .kind = METRIC_COUNTER,
		    .unit = UNIT_BYTES,
		    .help = "received on all interfaces"},
	[NET_TX] = {.group = "net",
		    .rate_name = "tx_bytes_s",
		    .kind = METRIC_COUNTER,
		    .unit = UNIT_BYTES,
		    .help = "sent on all interfaces"},
};

enum network_class {
	NETWORK_DEVICE,	 /* counts */
	NETWORK_PLAIN,	 /* counts where there is no NETWORK_DEVICE */
	NETWORK_IGNORED, /* never counts */
};

/* An interface as it was last seen. */
struct network_interface {
	struct network_line last;
	enum network_class class;
};

struct network {
	int root_fd;
	int fd; /* negative: the errno of the last attempt */
	int64_t last_ns;
	int64_t total[NET_METRICS];
	/* The interfaces of the last reading, and room for those of the next. */
	struct network_interface tables[2][NETWORK_INTERFACES];
	struct network_interface *known;
	int known_count;
	struct network_line lines[NETWORK_INTERFACES];
	char text[TEXT_SIZE];
	char reason[REASON_SIZE];
};

static enum network_class network_classify(const struct network *network, const char *name)
{
	/* Made by Docker, LXC, libvirt, podman and CNI; ifb and dummy carry nothing of their own. */
	static const char *const ignored[] = {
		"veth", "docker", "br-", "virbr", "lxcbr", "lxdbr", "podman", "cni", "ifb", "dummy",
	};
	char path[sizeof("sys/class/net//device") + NETWORK_NAME_SIZE];

	snprintf(path, sizeof(path), "sys/class/net/%s/device", name);
	if (procfs_exists(network->root_fd, path))
		return NETWORK_DEVICE;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (strncmp(name, ignored[i], strlen(ignored[i])) == 0)
			return NETWORK_IGNORED;
	return NETWORK_PLAIN;
}

static const struct network_interface *network_find(const struct network *network, const char *name)
{
	for (int i = 0; i < network->known_count; i++)
		if (strcmp(network->known[i].last.name, name) == 0)
			return &network->known[i];
	return NULL;
}

static void network_add(struct network *network, const struct network_line *before,
			const struct network_line *after, int64_t elapsed_ns)
{
	bool rx_reset, tx_reset;
	int64_t growth[NET_METRICS] = {
		[NET_RX] = network_growth(before->rx_bytes, after->rx_bytes, elapsed_ns, &rx_reset),
		[NET_TX] = network_growth(before->tx_bytes, after->tx_bytes, elapsed_ns, &tx_reset),
	};

	/* Both never wrap in the same second, and a reset touches both. */
	if (rx_reset || tx_reset ||
	    (after->rx_bytes < before->rx_bytes && after->tx_bytes < before->tx_bytes))
		return;
	for (unsigned i = 0; i < NET_METRICS; i++)
		if (__builtin_add_overflow(network->total[i], growth[i], &network->total[i]))
			network->total[i] = 0; /* a fall is a reset for everybody who reads it */
}

/*
 * Takes over a reading: a new interface is classified once and counts from its next reading on, one
 * that is gone is forgotten. Returns the number of interfaces that count.
 */
static int network_account(struct network *network, int count, int64_t now_ns)
{
	struct network_interface *next =
		network->tables[network->known == network->tables[0] ? 1 : 0];
	enum network_class best = NETWORK_PLAIN;
	int counting = 0;

	for (int i = 0; i < count; i++) {
		const struct network_interface *known =
			network_find(network, network->lines[i].name);

		next[i].last = network->lines[i];
		next[i].class = known ? known->class : network_classify(network, next[i].last.name);
		if (next[i].class == NETWORK_DEVICE)
			best = NETWORK_DEVICE;
	}
	for (int i = 0; i < count; i++) {
		const struct network_interface *known = network_find(network, next[i].last.name);

		if (next[i].class != best)
			continue;
		counting++;
		if (known)
			network_add(network, &known->last, &next[i].last,
				    now_ns - network->last_ns);
	}
	network->known = next;
	network->known_count = count;
	network->last_ns = now_ns;
	return counting;
}

static int network_open(void *self, const void *conf, const struct env *env)
{
	struct network *network = self;

	(void)conf;
	network->root_fd = env->root_fd;
	network->fd = procfs_open(env->root_fd, "proc/net/dev");
	network->known = network->tables[0];
	return 0;
}

/* Returns the number of interfaces that count, or negative errno with the reason noted. */
static int network_sample(struct network *network, int64_t now_ns)
{
	int r = network->fd;
	const char *what = "no interface besides lo";

	if (r >= 0)
		r = procfs_read(r, network->text, sizeof(network->text));
	if (r < 0) {
		what = procfs_strerror(r);
	} else {
		r = network_parse(network->text, network->lines);
		if (r == -EFBIG)
			what = "too many interfaces to keep track of";
		else if (r < 0)
			what = "cut off or malformed";
		else
			r = network_account(network, r, now_ns);
	}
	if (r <= 0)
		snprintf(network->reason, sizeof(network->reason), "/proc/net/dev: %s", what);
	return r;
}

static int network_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct network *network = self;
	int counting = network_sample(network, now_ns);

	for (unsigned i = 0; i < NET_METRICS; i++) {
		if (counting > 0)
			batch_value(ret_batch, i, network->total[i]);
		else
			batch_unknown(ret_batch, i, network->reason);
	}
	return 0;
}

static void network_close(void *self)
{
	struct network *network = self;

	if (network->fd >= 0)
		close(network->fd);
	network->fd = -ENOENT;
}

const struct collector network_collector = {
	.module.name = "network",
	.module.metrics = network_metrics,
	.module.metric_count = NET_METRICS,
	.module.self_size = sizeof(struct network),
	.module.period_ns = NS_PER_S,
	.module.open = network_open,
	.module.read = network_read,
	.module.close = network_close,
};
