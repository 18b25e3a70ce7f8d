/* A ring of slots, each a list of nodes: arming and taking out cost nothing, time costs what falls due. */
#include "services/aggregator/wheel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { SLOTS = 1024 };

struct wheel {
    int64_t step_ms;
    int64_t done; /* the step that was looked at last */
    wheel_node slots[SLOTS];
};

wheel *wheel_new(int64_t step_ms)
{
    assert(step_ms > 0);
    wheel *w = ov_zalloc(sizeof *w);
    w->step_ms = step_ms;
    for (size_t i = 0; i < SLOTS; i++) w->slots[i].next = w->slots[i].prev = &w->slots[i];
    return w;
}

void wheel_free(wheel *w)
{
    free(w);
}

void wheel_disarm(wheel_node *n)
{
    if (!n->next) return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
}

void wheel_arm(wheel *w, wheel_node *n, int64_t due_ms)
{
    wheel_disarm(n);
    n->due_ms = due_ms;
    /* What is due already stands in the next slot that will be looked at. */
    int64_t step = due_ms / w->step_ms + 1;
    if (step <= w->done) step = w->done + 1;
    wheel_node *head = &w->slots[(uint64_t)step % SLOTS];
    n->next = head;
    n->prev = head->prev;
    head->prev->next = n;
    head->prev = n;
}

/* Takes the slot's nodes out first, so that those armed again meanwhile wait for their turn. */
static void fire_slot(wheel *w, wheel_node *head, int64_t now_ms, wheel_fire fire, void *arg)
{
    wheel_node taken = {.next = &taken, .prev = &taken};
    if (head->next != head) {
        taken = *head;
        taken.next->prev = taken.prev->next = &taken;
        head->next = head->prev = head;
    }
    while (taken.next != &taken) {
        wheel_node *n = taken.next;
        wheel_disarm(n);
        if (n->due_ms > now_ms)
            wheel_arm(w, n, n->due_ms);
        else
            fire(arg, n);
    }
}

void wheel_advance(wheel *w, int64_t now_ms, wheel_fire fire, void *arg)
{
    int64_t until = now_ms / w->step_ms;
    int64_t from = until - w->done > SLOTS ? until - SLOTS : w->done;
    for (int64_t step = from + 1; step <= until; step++) {
        w->done = step;
        fire_slot(w, &w->slots[(uint64_t)step % SLOTS], now_ms, fire, arg);
    }
}
