/*
 * Types about whose fields more is known than event_spec.c says: all of their fields, in the order of coding. Constants where
 * they are used, so that the coder of the most frequent ones has nothing to look up and nothing to choose.
 */
#ifndef GOTAPE_FORMAT_EVENT_CODING_CHOICES_H
#define GOTAPE_FORMAT_EVENT_CODING_CHOICES_H

#include "format/event_coding.h"

static const struct type_coding coding_create = {EV_CREATE,
                                                 6,
                                                 {{CREATE_GOID, CODING_NEW_GOID, 0},
                                                  {CREATE_CREATOR, CODING_RUNNING, 0},
                                                  {CREATE_G, CODING_NEW_G, CREATE_GOID},
                                                  {CREATE_STATUS, CODING_THREAD, 0},
                                                  {CREATE_STACK, CODING_STACK, CREATE_CREATOR},
                                                  {CREATE_START, CODING_FIELD, CREATE_STACK}}};
static const struct type_coding coding_exec = {EV_EXEC,
                                               4,
                                               {{EXEC_GOID, CODING_RUNNABLE, 0},
                                                {EXEC_G, CODING_G, EXEC_GOID},
                                                {EXEC_INHERIT, CODING_FOUND, 0},
                                                {EXEC_P, CODING_THREAD, 0}}};
static const struct type_coding coding_park = {EV_PARK,
                                               6,
                                               {{PARK_GOID, CODING_RUNNING, 0},
                                                {PARK_G, CODING_G, PARK_GOID},
                                                {PARK_STACK, CODING_STACK, PARK_GOID},
                                                {PARK_REASON, CODING_FIELD, PARK_STACK},
                                                {PARK_OBJECT, CODING_OBJECT, PARK_GOID},
                                                {PARK_VALUE, CODING_STEP, 0}}};
static const struct type_coding coding_select = {
    EV_SELECT, 2, {{SELECT_GOID, CODING_RUNNING, 0}, {SELECT_SET, CODING_NEWEST, SELECT_GOID}}};
static const struct type_coding coding_ready = {EV_READY,
                                                3,
                                                {{READY_WAKER, CODING_RUNNING, 0},
                                                 {READY_STACK, CODING_STACK, READY_WAKER},
                                                 {READY_GOID, CODING_WOKEN, READY_WAKER}}};
static const struct type_coding coding_net = {EV_NET,
                                              4,
                                              {{NET_POLLDESC, CODING_RECENT, 0},
                                               {NET_MODE, CODING_FIELD, NET_POLLDESC},
                                               {NET_READ_G, CODING_FIELD, NET_POLLDESC},
                                               {NET_WRITE_G, CODING_FIELD, NET_POLLDESC}}};
static const struct type_coding coding_sched = {EV_SCHED,
                                                3,
                                                {{SCHED_GOID, CODING_RUNNING, 0},
                                                 {SCHED_STACK, CODING_STACK, SCHED_GOID},
                                                 {SCHED_PREEMPTED, CODING_FIELD, SCHED_STACK}}};
static const struct type_coding coding_origin = {EV_GOROUTINE_ORIGIN,
                                                 7,
                                                 {{ORIGIN_GOID, CODING_DELTA, 0},
                                                  {ORIGIN_G, CODING_NEW_G, ORIGIN_GOID},
                                                  {ORIGIN_CREATOR, CODING_THREAD, 0},
                                                  {ORIGIN_START, CODING_THREAD, 0},
                                                  {ORIGIN_CREATED_AT, CODING_FIELD, ORIGIN_START},
                                                  {ORIGIN_LABELS, CODING_FIELD, ORIGIN_START},
                                                  {ORIGIN_WAIT_SINCE, CODING_DELTA, 0}}};
static const struct type_coding coding_thread_off = {
    EV_THREAD_OFF,
    6,
    {{THREAD_OFF_STACK, CODING_STACK, CODING_OF_THREAD},
     {THREAD_OFF_ACTIVITY, CODING_FIELD, THREAD_OFF_STACK},
     {THREAD_OFF_STATE, CODING_FIELD, THREAD_OFF_STACK},
     {THREAD_OFF_SYSCALL, CODING_FIELD, THREAD_OFF_STACK},
     {THREAD_OFF_NEXT_TID, CODING_THREAD, 0},
     {THREAD_OFF_NEXT_NAME, CODING_FIELD, THREAD_OFF_NEXT_TID}}};

#endif
