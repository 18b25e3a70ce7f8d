/* Bounds what one entry may ask for: running versions times available ones is a product, and one small report names
 * both. Its versions count in their order; what is too much is left out and says so, in this entry alone. */
#include "services/aggregator/core.h"
#include "base/poison.h"

bool limit_may_matter(const entry *e)
{
    return e->limited || (uint64_t)e->slot_count * e->rule->above[0] > ENTRY_LISTS_MAX;
}

static void set_over(aggregate *a, entry *e, entry_slot *s, bool over)
{
    if (s->over == over) return;
    s->over = over;
    verdict *v = s->verdict;
    if (!v->wanted || (over && v->wanted == 1)) ledger_mark(&a->l, &v->d); /* it comes, or goes */
    if (over)
        v->wanted--;
    else
        v->wanted++;
    ledger_mark(&a->l, &e->d);
}

void limit_entry(aggregate *a, entry *e)
{
    uint64_t bytes = 0;
    e->limited = false;
    e->weighed = e->rule->generation;
    for (uint32_t i = 0; i < e->slot_count; i++) {
        entry_slot *s = &e->slots[i];
        if (!s->verdict) continue;
        bool over = bytes + s->verdict->weight > ENTRY_LISTS_MAX;
        if (!over) bytes += s->verdict->weight;
        set_over(a, e, s, over);
        e->limited |= over;
    }
}
