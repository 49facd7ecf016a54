/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ordered structures of other projects, with the interface of the ledger's
 * tree: disjoint ranges of pages with an attribute, adjacent equal ranges
 * merged. A peer has set, clear (attr 0), find (the attribute at a page, 0:
 * none), sum (over all ranges in order) and count.
 */
#ifndef PEERS_H
#define PEERS_H

#include <cstdint>
#include <iterator>
#include <map>

#include <absl/container/btree_map.h>
#include <boost/icl/interval_map.hpp>
#include <bsd/sys/tree.h>
#include <glib.h>
#include <Judy.h>

typedef uintptr_t page_t;

/* The value for the start of a range: its end and attribute. */
struct extent {
	page_t end;
	unsigned int attr;
};

/* Structures with iterators, such as std::map. */
template<typename Map> class map_peer {
	Map map;

	void cut(page_t start, page_t end)
	{
		auto at = map.upper_bound(start);

		if (at != map.begin()) {
			auto before = std::prev(at);
			extent old = before->second;

			if (before->first == start) {
				at = before;
			} else if (old.end > start) {
				before->second.end = start;
				if (old.end > end) {
					map.insert(at, { end, old });
					return;
				}
			}
		}
		while (at != map.end() && at->first < end) {
			extent old = at->second;

			at = map.erase(at);
			if (old.end > end) {
				map.insert(at, { end, old });
				return;
			}
		}
	}
public:
	void clear(page_t start, page_t end) { cut(start, end); }

	void set(page_t start, page_t end, unsigned int attr)
	{
		cut(start, end);
		auto at = map.lower_bound(start);

		if (at != map.end() && at->first == end &&
		    at->second.attr == attr) {
			end = at->second.end;
			at = map.erase(at);
		}
		if (at != map.begin()) {
			auto before = std::prev(at);

			if (before->second.end == start &&
			    before->second.attr == attr) {
				before->second.end = end;
				return;
			}
		}
		map.insert(at, { start, { end, attr } });
	}

	unsigned int find(page_t page) const
	{
		auto at = map.upper_bound(page);

		if (at == map.begin())
			return 0;
		--at;
		return at->second.end > page ? at->second.attr : 0;
	}

	page_t sum() const
	{
		page_t sum = 0;

		for (const auto &range : map)
			sum += range.first ^ range.second.end ^
			       range.second.attr;
		return sum;
	}

	size_t count() const { return map.size(); }
};

struct std_map : map_peer<std::map<page_t, extent>> {
	static constexpr const char *name = "std::map";
};

struct absl_btree : map_peer<absl::btree_map<page_t, extent>> {
	static constexpr const char *name = "absl::btree_map";
};

class boost_icl {
	typedef boost::icl::interval_map<page_t, unsigned int> ranges;
	typedef boost::icl::interval<page_t> interval;
	ranges map;
public:
	static constexpr const char *name = "Boost.ICL";

	void clear(page_t start, page_t end)
	{
		map.erase(interval::right_open(start, end));
	}

	void set(page_t start, page_t end, unsigned int attr)
	{
		map.set({ interval::right_open(start, end), attr });
	}

	unsigned int find(page_t page) const
	{
		auto at = map.find(page);

		return at == map.end() ? 0 : at->second;
	}

	page_t sum() const
	{
		page_t sum = 0;

		for (const auto &range : map)
			sum += range.first.lower() ^ range.first.upper() ^
			       range.second;
		return sum;
	}

	size_t count() const { return map.iterative_size(); }
};

/*
 * Structures of C libraries. at() finds the last range that starts at or before
 * a page, next() the range after it. Both return a handle, or NULL for none.
 */
template<typename Base> struct c_peer : Base {
	using Base::at;
	using Base::next;
	using Base::start_of;
	using Base::value;
	using Base::insert;
	using Base::remove;

	void clear(page_t start, page_t end)
	{
		auto range = at(start);
		page_t from;
		extent old;

		if (range && start_of(range) < start) {
			old = value(range);
			if (old.end > start) {
				value(range).end = start;
				if (old.end > end) {
					insert(end, old);
					return;
				}
			}
			range = next(range);
		} else if (!range) {
			range = next(nullptr);
		}
		while (range && (from = start_of(range)) < end) {
			old = value(range);
			range = remove(range, from);
			if (old.end > end) {
				insert(end, old);
				return;
			}
		}
	}

	void set(page_t start, page_t end, unsigned int attr)
	{
		clear(start, end);
		auto before = at(start);
		auto after = before ? next(before) : next(nullptr);

		if (after && start_of(after) == end &&
		    value(after).attr == attr) {
			extent old = value(after);

			remove(after, end);
			end = old.end;
			before = at(start);
		}
		if (before && value(before).end == start &&
		    value(before).attr == attr)
			value(before).end = end;
		else
			insert(start, { end, attr });
	}

	unsigned int find(page_t page)
	{
		auto range = at(page);

		return range && value(range).end > page ? value(range).attr : 0;
	}

	page_t sum()
	{
		page_t sum = 0;

		for (auto range = next(nullptr); range; range = next(range))
			sum += start_of(range) ^ value(range).end ^
			       value(range).attr;
		return sum;
	}

	size_t count()
	{
		size_t n = 0;

		for (auto range = next(nullptr); range; range = next(range))
			n++;
		return n;
	}
};

struct rb_node {
	RB_ENTRY(rb_node) link;
	page_t start;
	extent value;
};

static inline int compare_nodes(rb_node *a, rb_node *b)
{
	return (a->start > b->start) - (a->start < b->start);
}

RB_HEAD(rb_tree, rb_node);
RB_GENERATE_INTERNAL(rb_tree, rb_node, link, compare_nodes, inline)

struct bsd_rb_base {
	rb_tree tree = RB_INITIALIZER(&tree);

	rb_node *at(page_t page)
	{
		rb_node *node = RB_ROOT(&tree), *best = nullptr;

		while (node) {
			if (node->start <= page) {
				best = node;
				node = RB_RIGHT(node, link);
			} else {
				node = RB_LEFT(node, link);
			}
		}
		return best;
	}

	rb_node *next(rb_node *node)
	{
		return node ? RB_NEXT(rb_tree, &tree, node)
			    : RB_MIN(rb_tree, &tree);
	}

	page_t start_of(rb_node *node) { return node->start; }
	extent &value(rb_node *node) { return node->value; }

	void insert(page_t start, extent value)
	{
		rb_node *node = (rb_node *)malloc(sizeof(*node));

		node->start = start;
		node->value = value;
		RB_INSERT(rb_tree, &tree, node);
	}

	rb_node *remove(rb_node *node, page_t)
	{
		rb_node *after = RB_NEXT(rb_tree, &tree, node);

		RB_REMOVE(rb_tree, &tree, node);
		free(node);
		return after;
	}
};

struct bsd_rb : c_peer<bsd_rb_base> {
	static constexpr const char *name = "BSD RB";
};

struct gtree_base {
	GTree *tree = g_tree_new_full([](gconstpointer a, gconstpointer b,
					 gpointer) {
		return (int)((page_t)a > (page_t)b) -
		       (int)((page_t)a < (page_t)b);
	}, nullptr, nullptr, free);

	GTreeNode *at(page_t page)
	{
		GTreeNode *after = g_tree_upper_bound(tree, (gpointer)page);

		return after ? g_tree_node_previous(after)
			     : g_tree_node_last(tree);
	}

	GTreeNode *next(GTreeNode *node)
	{
		return node ? g_tree_node_next(node) : g_tree_node_first(tree);
	}

	page_t start_of(GTreeNode *node)
	{
		return (page_t)g_tree_node_key(node);
	}

	extent &value(GTreeNode *node)
	{
		return *(extent *)g_tree_node_value(node);
	}

	void insert(page_t start, extent value)
	{
		extent *copy = (extent *)malloc(sizeof(*copy));

		*copy = value;
		g_tree_insert(tree, (gpointer)start, copy);
	}

	/* A removal may move the next node. */
	GTreeNode *remove(GTreeNode *, page_t start)
	{
		g_tree_remove(tree, (gpointer)start);
		return g_tree_lower_bound(tree, (gpointer)start);
	}
};

struct gtree : c_peer<gtree_base> {
	static constexpr const char *name = "GLib GTree";
};

/* The value for a start is a word: end and attribute, as in lof_tree. */
class judy {
	Pvoid_t array = nullptr;

	static page_t end_of(Word_t word) { return word >> 12; }
	static unsigned int attr_of(Word_t word) { return word & 0xfff; }
	static Word_t pack(page_t end, unsigned int attr)
	{
		return end << 12 | attr;
	}
	void insert(page_t start, Word_t word)
	{
		*(Word_t *)JudyLIns(&array, start, nullptr) = word;
	}
public:
	static constexpr const char *name = "JudyL";

	void clear(page_t start, page_t end)
	{
		Word_t at = start, *value, old;

		value = (Word_t *)JudyLLast(array, &at, nullptr);
		if (value && at < start && end_of(*value) > start) {
			old = *value;
			*value = pack(start, attr_of(old));
			if (end_of(old) > end) {
				insert(end, old);
				return;
			}
		}
		at = start;
		while ((value = (Word_t *)JudyLFirst(array, &at, nullptr)) &&
		       at < end) {
			old = *value;
			JudyLDel(&array, at, nullptr);
			if (end_of(old) > end) {
				insert(end, old);
				return;
			}
		}
	}

	void set(page_t start, page_t end, unsigned int attr)
	{
		Word_t at = start, *value;

		clear(start, end);
		value = (Word_t *)JudyLGet(array, end, nullptr);
		if (value && attr_of(*value) == attr) {
			page_t old = end_of(*value);

			JudyLDel(&array, end, nullptr);
			end = old;
		}
		value = (Word_t *)JudyLLast(array, &at, nullptr);
		if (value && *value == pack(start, attr))
			*value = pack(end, attr);
		else
			insert(start, pack(end, attr));
	}

	unsigned int find(page_t page)
	{
		Word_t at = page, *value;

		value = (Word_t *)JudyLLast(array, &at, nullptr);
		return value && end_of(*value) > page ? attr_of(*value) : 0;
	}

	page_t sum()
	{
		Word_t at = 0, *value;
		page_t sum = 0;

		for (value = (Word_t *)JudyLFirst(array, &at, nullptr); value;
		     value = (Word_t *)JudyLNext(array, &at, nullptr))
			sum += at ^ end_of(*value) ^ attr_of(*value);
		return sum;
	}

	size_t count() { return JudyLCount(array, 0, -1, nullptr); }
};

#endif
