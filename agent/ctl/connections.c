/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp (Documentation/networking/proc_net_tcp.rst): "sl: ADDRESS:PORT ADDRESS:PORT STATE ...", all
 * hexadecimal. An address is printed as one (IPv4) or four (IPv6) words as the processor reads them from
 * the address in memory, so storing them gives the address back, whatever the byte order. State 1 is
 * established; those that are being closed are nobody's traffic any more.
 */
#include "agent/ctl/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_ESTABLISHED 1

bool connections_add_port(struct connections_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->list[i] == port)
			return true;
	if (ports->count == CONNECTIONS_PORTS)
		return false;
	ports->list[ports->count++] = port;
	return true;
}

static void map_v4(uint32_t address, struct in6_addr *ret_host)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ret_host->s6_addr, prefix, sizeof(prefix));
	memcpy(ret_host->s6_addr + sizeof(prefix), &address, sizeof(address));
}

/* Exactly digits of them; returns what follows, or NULL. */
static const char *take_hex(const char *text, size_t digits, uint32_t *ret_number)
{
	uint32_t number = 0;

	for (; digits > 0; digits--, text++) {
		char c = *text;
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit == 16)
			return NULL;
		number = number << 4 | digit;
	}
	*ret_number = number;
	return text;
}

/* "ADDRESS:PORT"; returns what follows, or NULL. */
static const char *take_end(const char *text, struct in6_addr *ret_host, uint32_t *ret_port)
{
	size_t digits = strspn(text, "0123456789abcdefABCDEF");
	uint32_t words[4];

	if (digits != 8 && digits != 32)
		return NULL;
	for (size_t i = 0; i < digits / 8; i++)
		text = take_hex(text, 8, &words[i]);
	if (digits == 8)
		map_v4(words[0], ret_host);
	else
		memcpy(ret_host->s6_addr, words, sizeof(words));
	return *text == ':' ? take_hex(text + 1, 4, ret_port) : NULL;
}

static bool has_port(const struct connections_ports *ports, uint32_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->list[i] == port)
			return true;
	return false;
}

static void count_peer(struct connections *connections, const struct in6_addr *host, bool own)
{
	for (size_t i = 0; i < connections->count; i++) {
		if (IN6_ARE_ADDR_EQUAL(&connections->peers[i].host, host)) {
			connections->peers[i].count++;
			return;
		}
	}
	if (connections->count == CONNECTIONS_PEERS) {
		connections->others++;
		return;
	}
	connections->peers[connections->count++] =
		(struct connections_peer){.host = *host, .own = own, .count = 1};
}

void connections_take(struct connections *connections, const struct connections_ports *ports,
		      const char *line)
{
	struct in6_addr local, remote;
	uint32_t local_port, remote_port, state;
	const char *at = strchr(line, ':');

	at = at != NULL ? at + 1 + strspn(at + 1, " ") : NULL;
	at = at != NULL ? take_end(at, &local, &local_port) : NULL;
	at = at != NULL && *at == ' ' ? take_end(at + 1, &remote, &remote_port) : NULL;
	at = at != NULL && *at == ' ' ? take_hex(at + 1, 2, &state) : NULL;
	if (at == NULL || state != STATE_ESTABLISHED || !has_port(ports, local_port))
		return;
	count_peer(connections, &remote, IN6_ARE_ADDR_EQUAL(&local, &remote));
}

int connections_read(const struct connections_ports *ports, struct connections *ret_connections)
{
	static const char *const paths[] = {"/proc/net/tcp6", "/proc/net/tcp"};
	struct connections found = {0};
	size_t size = 0, files = 0;
	char *line = NULL;
	int error = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		FILE *file = fopen(paths[i], "re");

		if (file == NULL) {
			error = errno;
			continue;
		}
		while (getline(&line, &size, file) >= 0)
			connections_take(&found, ports, line);
		fclose(file);
		files++;
	}
	free(line);
	if (files == 0)
		return -error;
	*ret_connections = found;
	return 0;
}

size_t connections_from(const struct connections *connections, const struct in6_addr *host)
{
	for (size_t i = 0; i < connections->count; i++)
		if (IN6_ARE_ADDR_EQUAL(&connections->peers[i].host, host))
			return connections->peers[i].count;
	return 0;
}

bool connections_host(const char *text, struct in6_addr *ret_host)
{
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");
	struct in_addr v4;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET6, address, ret_host) == 1)
		return true;
	if (inet_pton(AF_INET, address, &v4) != 1)
		return false;
	map_v4(v4.s_addr, ret_host);
	return true;
}
