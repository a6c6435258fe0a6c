/* SPDX-License-Identifier: MIT */
/*
 * keeper MB DELAY_MS [PROGRAM [WORD]...]: has memory that it seldom uses, as every daemon and every
 * process 1 has. With a PROGRAM it is process 1: starts it and reaps whatever ends.
 *
 *	SIGUSR1	takes the memory and says LAB-KEEPER and its process number
 *	SIGUSR2	reads all of it DELAY_MS later
 *
 * Theory of operation: everything else it has is locked. So the kernel can take its memory away unseen,
 * and when swap cannot be read it is SIGUSR2, not chance, that says when it finds out.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *take(size_t size)
{
	uint64_t seed = UINT64_C(88172645463325252);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < size; i += sizeof(seed)) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		*(uint64_t *)(void *)(memory + i) = seed;
	}
	dprintf(STDOUT_FILENO, "LAB-KEEPER %d\n", (int)getpid());
	return memory;
}

static void use(const volatile char *memory, size_t size)
{
	for (size_t i = 0; memory && i < size; i += PAGE)
		(void)memory[i];
}

static void start(char **program, const sigset_t *signals)
{
	if (fork() == 0) {
		sigprocmask(SIG_UNBLOCK, signals, NULL);
		execv(program[0], program);
		perror("keeper: execv");
		_exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: keeper MB DELAY_MS [PROGRAM [WORD]...]\n", stderr);
		return 2;
	}
	size_t size = strtoul(argv[1], NULL, 10) << 20;
	useconds_t delay_us = (useconds_t)strtoul(argv[2], NULL, 10) * 1000;
	char *memory = NULL;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (mlockall(MCL_CURRENT) < 0)
		perror("keeper: mlockall");
	if (argc > 3)
		start(argv + 3, &signals);
	for (;;) {
		switch (sigwaitinfo(&signals, NULL)) {
		case SIGUSR1:
			if (!memory)
				memory = take(size);
			break;
		case SIGUSR2:
			usleep(delay_us);
			use(memory, size);
			break;
		case SIGCHLD:
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			break;
		}
	}
}
