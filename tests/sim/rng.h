/* SPDX-License-Identifier: MIT */
/*
 * Randomness of the model: one stream per purpose, each a pure function of (seed, purpose), so that
 * two laws in the same scenario meet the same requests and the same workers. The generator is
 * splitmix64: a counter through a mixing function, 64 bits of state, any seed is a good one.
 */
#ifndef HOSTINGPI_SIM_RNG_H
#define HOSTINGPI_SIM_RNG_H

#include <math.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline struct rng rng_new(uint64_t seed, uint64_t purpose)
{
	struct rng rng = {seed * UINT64_C(0xd1342543de82ef95) + purpose};
	rng.state = rng_next(&rng);
	return rng;
}

/* 0 <= x < 1 */
static inline double rng_unit(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

static inline double rng_between(struct rng *rng, double low, double high)
{
	return low + (high - low) * rng_unit(rng);
}

/* Exponential with the given mean. */
static inline double rng_exponential(struct rng *rng, double mean)
{
	return -mean * log1p(-rng_unit(rng));
}

static inline double rng_normal(struct rng *rng)
{
	double radius = sqrt(-2 * log1p(-rng_unit(rng)));
	return radius * cos(2 * 3.14159265358979323846 * rng_unit(rng));
}

/* Lognormal with this mean (not median) and the sigma of its logarithm. */
static inline double rng_lognormal(struct rng *rng, double mean, double sigma)
{
	return mean * exp(sigma * rng_normal(rng) - sigma * sigma / 2);
}

#endif
