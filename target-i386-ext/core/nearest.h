/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The smallest change that makes one CPU as good as another
 *
 * Answers, for query-cpu-model-nearest and for tools: which features and
 * properties of a named CPU model have to be set so that a guest of another CPU
 * can migrate to it, and the other way round?
 */

#ifndef X86CPU_NEAREST_H
#define X86CPU_NEAREST_H

#include "compare.h"

/* What to set in a CPU.  The three have no name in common. */
typedef struct X86CpuEdit {
    /*
     * Features, and switches of X86CPU_CLASS_BIT that are booleans.  What needs
     * a feature that is removed goes with it, and is not in @remove.
     */
    X86CpuNames add, remove;
    /* Further properties, to the values in @result */
    X86CpuNames set;
    /* How many names there are in all */
    unsigned count;
    X86Cpu result;
} X86CpuEdit;

/* A CPU to get at */
typedef struct X86CpuGoal {
    /* As it is requested */
    X86Cpu cpu;
    /* With the features that guests see, and the values that have an effect */
    X86Cpu seen;
    X86CpuViews views;
} X86CpuGoal;

/*
 * Adds to @cpu what its dependencies leave of a feature of several bits, if
 * they leave some: guests have it, and no property describes it.  For a CPU
 * that a static expansion describes, and that lists @feature as omitted.
 */
void x86cpu_add_partial_feature(const X86CpuTables *tables,
                                const X86CpuFeature *feature, X86Cpu *cpu);

/* Fills *@goal: CPUs that are as good as @cpu. */
void x86cpu_set_goal(const X86CpuTables *tables, const X86Cpu *cpu,
                     X86CpuAccelerator accel, X86CpuGoal *goal);

/*
 * Whether @cpu is as good: each is a subset of the other, or identical, and it
 * starts with enforce=on wherever the goal does, for it requests no feature
 * that the goal does not.
 */
bool x86cpu_reaches_goal(const X86CpuTables *tables, const X86Cpu *cpu,
                         const X86CpuGoal *goal, X86CpuAccelerator accel);

/*
 * Puts the smallest change that gets from @from to @goal in *@edit, so that
 * x86cpu_reaches_goal() is true.  False if there is none, or
 * none of at most @limit names.  @from may have features that its other
 * features hide: they turn up with what they depend on.
 */
bool x86cpu_find_edit(const X86CpuTables *tables, const X86Cpu *from,
                      const X86CpuGoal *goal, X86CpuAccelerator accel,
                      unsigned limit, X86CpuEdit *edit);

/* A named model that an answer may start from */
typedef struct X86CpuCandidate {
    const char *name;
    bool is_alias;
    /* As @from of x86cpu_find_edit(); NULL if it is not to be tried */
    const X86Cpu *cpu;
} X86CpuCandidate;

/*
 * Finds the model with the smallest change, and puts that in *@edit.  Of models
 * with equal ones, the best has the family, model and stepping of @goal, then
 * the lowest, then the lowest version, with aliases last, then the first name.
 * Returns its number, or @count if no model becomes @goal.
 */
size_t x86cpu_find_nearest(const X86CpuTables *tables,
                           const X86CpuCandidate *models, size_t count,
                           const X86CpuGoal *goal, X86CpuAccelerator accel,
                           X86CpuEdit *edit);

#endif /* X86CPU_NEAREST_H */
