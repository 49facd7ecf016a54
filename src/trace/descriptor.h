/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file descriptor goes from process to process, over a socket. */
#ifndef LOF_TRACE_DESCRIPTOR_H
#define LOF_TRACE_DESCRIPTOR_H

/* 0 or a negative errno. */
int lof_descriptor_send(int to, int fd);

/* The descriptor, which is closed at an execve(); or -1. */
int lof_descriptor_receive(int from);

#endif
