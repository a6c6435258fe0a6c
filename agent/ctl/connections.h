/* SPDX-License-Identifier: MIT */
/* Established TCP connections to some of this machine's ports, by who is at the other end. Pure, but for the reading. */
#ifndef HOSTINGPI_CTL_CONNECTIONS_H
#define HOSTINGPI_CTL_CONNECTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than a person has load balancers; connections of more hosts are counted together. */
#define CONNECTIONS_PEERS 64
#define CONNECTIONS_PORTS 8

struct connections_ports {
	size_t count;
	uint16_t list[CONNECTIONS_PORTS];
};

struct connections_peer {
	struct in6_addr host; /* IPv4 in mapped form */
	bool own;	      /* this machine itself */
	size_t count;
};

struct connections {
	size_t count;
	struct connections_peer peers[CONNECTIONS_PEERS];
	size_t others; /* connections of those for whom there was no room */
};

/* Adds port, once. False: there is no room. */
bool connections_add_port(struct connections_ports *ports, uint16_t port);

/* Takes one line of /proc/net/tcp or tcp6; what is none of them is passed over. */
void connections_take(struct connections *connections, const struct connections_ports *ports,
		      const char *line);

/* Both files. 0, or negative errno if neither can be read. */
int connections_read(const struct connections_ports *ports, struct connections *ret_connections);

/* How many there are from a host. */
size_t connections_from(const struct connections *connections, const struct in6_addr *host);

/* An address as text, with or without a scope, in the form of the peers. */
bool connections_host(const char *text, struct in6_addr *ret_host);

#endif
