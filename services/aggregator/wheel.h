/* Wheel: who may have expired; nobody moves when touched, a slot that fires asks again. */
#ifndef OPVIC_AGGREGATOR_WHEEL_H
#define OPVIC_AGGREGATOR_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in what may expire; zero is disarmed. */
typedef struct wheel_node wheel_node;
struct wheel_node {
    wheel_node *next, *prev;
    int64_t due_ms;
};

typedef struct wheel wheel;

/* Nodes fire up to step_ms late. */
wheel *wheel_new(int64_t step_ms);
void wheel_free(wheel *w); /* not the nodes */
/* Fires at due_ms or soon after; moves a node that is armed already. */
void wheel_arm(wheel *w, wheel_node *n, int64_t due_ms);
void wheel_disarm(wheel_node *n);
/* Fires all that is due at now_ms. A node is disarmed before fire gets it, which may arm it again or free it. */
typedef void (*wheel_fire)(void *arg, wheel_node *n);
void wheel_advance(wheel *w, int64_t now_ms, wheel_fire fire, void *arg);

#endif
