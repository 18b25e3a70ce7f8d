/* What is left of a provider's budget, as its answers told last; shared by all workers of a process. Fetchers do not
 * share theirs yet: each learns it from the answers it gets itself, and bucket opvic_budget stays empty. */
#ifndef OPVIC_FETCHER_BUDGET_H
#define OPVIC_FETCHER_BUDGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_mutex_t lock;
    bool known;
    int64_t remaining, reset_s; /* Unix seconds; 0: not told */
} budget;

void budget_init(budget *b);
void budget_clear(budget *b);
/* An answer came. Answers overtake each other: of one period the lowest counts, and no period ends earlier again. */
void budget_note(budget *b, int64_t remaining, int64_t reset_s);
/* Nothing is left and the reset is yet to come; *ret_reset_s is set then. */
bool budget_is_spent(budget *b, int64_t now_s, int64_t *ret_reset_s);

#endif
