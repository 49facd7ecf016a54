/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers, the same for the same seed. */
#include "config.h"

#include "random/random.h"

struct stream stream_of(uint64_t seed)
{
	/* splitmix64: adjacent seeds give unrelated streams. */
	seed += 0x9e3779b97f4a7c15;
	seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
	seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
	return (struct stream){ (seed ^ (seed >> 31)) | 1, ARENA_NPAGES };
}

size_t draw(struct stream *stream, size_t below)
{
	stream->state ^= stream->state << 13;
	stream->state ^= stream->state >> 7;
	stream->state ^= stream->state << 17;
	return (size_t)(stream->state >> 11) % below;
}

bool chance(struct stream *stream, size_t percent)
{
	return draw(stream, 100) < percent;
}
