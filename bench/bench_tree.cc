// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The ledger's tree compared with ordered structures of other projects
 * (peers.h). First the content of each is compared with an array of pages. Then
 * all are measured in turn. A figure is the median of the chunks. Only the
 * ratio to the best peer of the same run can be compared between machines.
 *
 *	bench_tree [DATA-FILE]
 */
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "median.h"
#include "peers.h"

extern "C" {
#include "ledger/node_pool.h"
#include "kernel/own_memory.h"
}

#define PAGE_BITS	12
#define CELL		8	/* pages, at least, for a range of 3 pages */
#define SPARE		5	/* offset of a page that touches no range */
#define CHUNK		250	/* calls; fewer if there are fewer ranges */

class lof {
	lof_tree tree = {};
	lof_pool pool = {};

	static lof_range bytes(page_t start, page_t end)
	{
		return { start << PAGE_BITS, end << PAGE_BITS };
	}

	/* As the ledger does before each call. */
	void reserve()
	{
		lof_range slab;

		while (!lof_pool_fill(&pool, &tree, lof_tree_need(&tree, 1))) {
			if (lof_own_map(lof_pool_slab_size(&pool), &slab))
				abort();
			lof_pool_slab_add(&pool, slab);
		}
	}
public:
	static constexpr const char *name = "liblockonfault";

	void set(page_t start, page_t end, unsigned int attr)
	{
		reserve();
		lof_tree_set(&tree, bytes(start, end), attr);
	}

	void clear(page_t start, page_t end)
	{
		reserve();
		lof_tree_clear(&tree, bytes(start, end));
	}

	unsigned int find(page_t page) const
	{
		lof_range range = bytes(page, page + 1);
		lof_entry entry;

		return lof_tree_find_in(&tree, range, &entry) ? entry.attr : 0;
	}

	page_t sum() const
	{
		lof_cursor cursor;
		lof_entry entry;
		page_t sum = 0;

		if (!lof_tree_seek(&tree, 0, &cursor))
			return 0;
		while (lof_tree_next(&cursor, &entry))
			sum += entry.range.start >> PAGE_BITS ^
			       entry.range.end >> PAGE_BITS ^ entry.attr;
		return sum;
	}

	size_t count() const { return tree.count; }

	/* Not the spare nodes, nor the unused part of the last slab. */
	double bytes_a_range() const
	{
		size_t used = pool.bytes - lof_range_len(pool.slab) -
			      tree.nspare * sizeof(lof_node);

		return (double)used / (double)tree.count;
	}
};

static uint64_t state = 88172645463325252;

static size_t below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state >> 11) % n;
}

static std::vector<size_t> shuffled(size_t n)
{
	std::vector<size_t> order(n);

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--)
		std::swap(order[i - 1], order[below(i)]);
	return order;
}

/* The starts of n ranges: at high addresses, about 2 MiB apart. */
static std::vector<page_t> places_for(size_t n)
{
	page_t page = (page_t)0x7f0000000000 >> PAGE_BITS;
	std::vector<page_t> places(n);

	for (auto &place : places) {
		place = page;
		page += CELL + below(1000);
	}
	return places;
}

static unsigned int attr_of(page_t place)
{
	return 1 + place % 2;
}

/*
 * After random changes a peer must equal an array of pages: the same ranges in
 * order, adjacent equal ones merged.
 */
template<typename Peer> static void verify()
{
	const size_t npages = 2000;
	std::vector<unsigned int> pages(npages + 1);
	std::unique_ptr<Peer> peer(new Peer);

	for (int i = 0; i < 20000; i++) {
		size_t start = below(npages);
		size_t end = start + 1 + below(below(20) ? 4 : 200);
		unsigned int attr = (unsigned int)below(3);
		size_t ranges = 0, from = 0;
		page_t sum = 0;

		if (end > npages)
			end = npages;
		if (attr)
			peer->set(start, end, attr);
		else
			peer->clear(start, end);
		for (size_t p = start; p < end; p++)
			pages[p] = attr;
		if (i % 16)
			continue;
		for (size_t p = 0; p < npages; p++) {
			if (peer->find(p) != pages[p]) {
				printf("%s: wrong at page %zu\n", Peer::name, p);
				exit(EXIT_FAILURE);
			}
			if (p == 0 || pages[p] != pages[p - 1])
				from = p;
			if (!pages[p] || pages[p] == pages[p + 1])
				continue;
			ranges++;
			sum += from ^ (p + 1) ^ pages[p];
		}
		if (peer->count() != ranges || peer->sum() != sum) {
			printf("%s: other ranges\n", Peer::name);
			exit(EXIT_FAILURE);
		}
	}
}

enum { HIT, MISS, INSERT, REMOVE, SPLIT, COALESCE, ITERATE, NCOLUMNS };

static const char *const column[NCOLUMNS] = {
	"hit", "miss", "insert", "remove", "split", "coalesce", "iterate",
};

struct row {
	const char *name;
	std::vector<double> times[NCOLUMNS];
};

static double clock_cost;

static double since(double begin, size_t calls)
{
	return (now_ns() - begin - clock_cost) / (double)calls;
}

static void weigh_clock()
{
	std::vector<double> times(1001);

	for (auto &time : times) {
		time = now_ns();
		time = now_ns() - time;
	}
	clock_cost = median(times.data(), times.size());
}

/* Each look-up depends on the result of the look-up before. */
template<typename Peer>
static double look_up(Peer *peer, const std::vector<page_t> &some, size_t off)
{
	double begin = now_ns();
	unsigned int found = 0;

	for (page_t place : some)
		found = peer->find(place + off + (found & 4));
	return found == 3 ? 0 : since(begin, some.size());
}

template<typename Peer>
static double change(Peer *peer, const std::vector<page_t> &some, size_t off,
		     bool is_set)
{
	double begin = now_ns();

	for (page_t place : some) {
		page_t at = place + off;

		if (is_set)
			peer->set(at, at + 1, attr_of(place));
		else
			peer->clear(at, at + 1);
	}
	return since(begin, some.size());
}

/*
 * A chunk of the odd or of the even places, in random order. Each place occurs
 * once, so that each call is a change.
 */
static std::vector<page_t> some_of(const std::vector<page_t> &places,
				   size_t odd)
{
	size_t n = places.size() / 2;
	std::vector<size_t> order = shuffled(n < CHUNK ? n : CHUNK);
	size_t first = below(n), step = n / order.size();
	std::vector<page_t> some;

	for (size_t i : order)
		some.push_back(places[(first + i * step + below(step)) % n * 2 +
				      odd]);
	return some;
}

/* CHUNK pages, each one of the first npages pages of a random place. */
static std::vector<page_t> any_of(const std::vector<page_t> &places,
				  size_t npages)
{
	std::vector<page_t> any(CHUNK);

	for (auto &page : any)
		page = places[below(places.size())] + below(npages);
	return any;
}

template<typename Peer>
static void measure(Peer *peer, const std::vector<page_t> &places, int chunks,
		    struct row *row)
{
	std::vector<page_t> was_added, was_cut;
	double begin;

	row->name = Peer::name;
	for (int i = 0; i < chunks; i++) {
		std::vector<page_t> added = some_of(places, i % 2);
		std::vector<page_t> cut = some_of(places, i % 2);

		row->times[INSERT].push_back(change(peer, added, SPARE, true));
		row->times[SPLIT].push_back(change(peer, cut, 1, false));
		row->times[HIT].push_back(look_up(peer, any_of(places, 3), 0));
		row->times[MISS].push_back(look_up(peer, any_of(places, 1),
						   4));
		/* Undo the changes of the chunk before. */
		if (i > 0) {
			row->times[REMOVE].push_back(change(peer, was_added,
							    SPARE, false));
			row->times[COALESCE].push_back(change(peer, was_cut, 1,
							      true));
		}
		was_added.swap(added);
		was_cut.swap(cut);
	}
	change(peer, was_added, SPARE, false);
	change(peer, was_cut, 1, true);
	for (int i = 0; i < 3; i++) {
		begin = now_ns();
		if (peer->sum() == 1)
			abort();
		row->times[ITERATE].push_back(since(begin, places.size()));
	}
}

template<typename... Peers> struct field;

template<> struct field<> {
	void fill(const std::vector<page_t> &) {}
	void run(const std::vector<page_t> &, int, struct row *) {}
	void check(size_t, page_t) {}
	static void verify_all() {}
};

template<typename First, typename... Rest>
struct field<First, Rest...> : field<Rest...> {
	std::unique_ptr<First> peer{new First};

	void fill(const std::vector<page_t> &mixed)
	{
		for (page_t place : mixed)
			peer->set(place, place + 3, attr_of(place));
		field<Rest...>::fill(mixed);
	}

	void run(const std::vector<page_t> &places, int chunks,
		 struct row *rows)
	{
		measure(peer.get(), places, chunks, rows);
		field<Rest...>::run(places, chunks, rows + 1);
	}

	/* At the end all peers must have the same ranges as at the start. */
	void check(size_t count, page_t sum)
	{
		if (peer->count() != count || peer->sum() != sum) {
			printf("%s: other ranges in the end\n", First::name);
			exit(EXIT_FAILURE);
		}
		field<Rest...>::check(count, sum);
	}

	static void verify_all()
	{
		verify<First>();
		field<Rest...>::verify_all();
	}
};

typedef field<lof, std_map, boost_icl, absl_btree, bsd_rb, gtree, judy> all;
#define NPEERS	7

static std::vector<page_t> mixed(const std::vector<page_t> &places)
{
	std::vector<page_t> mixed;

	for (size_t i : shuffled(places.size()))
		mixed.push_back(places[i]);
	return mixed;
}

static void compare(size_t n, int rounds, FILE *data)
{
	std::vector<page_t> places = places_for(n);
	struct row rows[NPEERS];
	page_t sum = 0;
	all peers;

	for (page_t place : places)
		sum += place ^ (place + 3) ^ attr_of(place);
	peers.fill(mixed(places));
	for (int i = 0; i < rounds; i++)
		peers.run(places, n < 1000 ? 1000 : 200, rows);
	peers.check(n, sum);
	printf("\n%zu ranges, ns\n%-16s", n, "");
	for (const char *name : column)
		printf("%9s", name);
	for (auto &row : rows) {
		printf("\n%-16s", row.name);
		fprintf(data, "%zu\t\"%s\"", n, row.name);
		for (auto &times : row.times) {
			times[0] = median(times.data(), times.size());
			printf("%9.1f", times[0]);
			fprintf(data, "\t%.1f", times[0]);
		}
		fprintf(data, "\n");
	}
	printf("\n%-16s", "of best peer");
	for (int c = 0; c < NCOLUMNS; c++) {
		double best = rows[1].times[c][0];

		for (auto &row : rows)
			if (&row != rows && row.times[c][0] < best)
				best = row.times[c][0];
		printf("%9.2f", rows[0].times[c][0] / best);
	}
	printf("\n");
}

static void weigh(size_t n)
{
	std::vector<page_t> places = places_for(n), order = mixed(places);
	double random, ascending, thinned;
	lof tree, other;

	for (page_t place : order)
		tree.set(place, place + 3, 1);
	random = tree.bytes_a_range();
	for (page_t place : places)
		other.set(place, place + 3, 1);
	ascending = other.bytes_a_range();
	order = mixed(places);
	order.resize(n - n / 10);
	for (page_t place : order)
		tree.clear(place, place + 3);
	thinned = tree.bytes_a_range();
	printf("%9zu %12.1f %12.1f %24.1f\n", n, random, ascending, thinned);
}

int main(int argc, char **argv)
{
	FILE *data = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
	size_t sizes[] = { 10, 1000, 100000, 1000000 };

	if (!data) {
		perror("bench_tree");
		return 1;
	}
	weigh_clock();
	all::verify_all();
	printf("the tree and %d peers: contents as an array of pages has them\n",
	       NPEERS - 1);
	for (size_t n : sizes)
		compare(n, 5, data);
	printf("\nbytes a range\n%9s %12s %12s %24s\n", "ranges", "random",
	       "ascending", "after 90 % were removed");
	for (size_t n : sizes)
		if (n > 10)
			weigh(n);
	return fclose(data);
}
