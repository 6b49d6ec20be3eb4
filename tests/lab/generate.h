/* The same floods, made inside the kernel by a program of BPF that fills in what varies: several times as fast. */
#ifndef TESTS_LAB_GENERATE_H
#define TESTS_LAB_GENERATE_H

#include <stdbool.h>

#include "attacker.h"

/* Whether an order of this kind can be carried out so; false also on a kernel that cannot (before Linux 5.18). */
bool generate_possible(struct attacker *attacker);

/* Carries it out. False: the kernel refused in the middle. */
bool generate_flood(struct attacker *attacker);

#endif
