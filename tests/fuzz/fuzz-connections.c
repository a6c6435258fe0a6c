/* SPDX-License-Identifier: MIT */
/* Lines as of /proc/net/tcp: whatever they are, the counts add up. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The program's own file: it is in no library. */
#include "agent/ctl/connections.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connections connections = {0};
	struct connections_ports ports = {0};
	size_t lines = 0, counted = 0;
	struct in6_addr host;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	connections_add_port(&ports, 80);
	connections_add_port(&ports, 443);
	for (char *next, *line = text; line != NULL; line = next, lines++) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		connections_take(&connections, &ports, line);
		connections_host(line, &host);
	}
	assert(connections.count <= CONNECTIONS_PEERS);
	for (size_t i = 0; i < connections.count; i++) {
		assert(connections.peers[i].count > 0);
		assert(connections_from(&connections, &connections.peers[i].host) ==
		       connections.peers[i].count);
		counted += connections.peers[i].count;
	}
	assert(counted + connections.others <= lines);
	free(text);
	return 0;
}
