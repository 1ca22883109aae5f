/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * program_role.h - which of the sensor's programs runs. Each has its own counters and scratch memory on each CPU, because
 * one may interrupt another.
 */
#ifndef FLOWXDP_PROGRAM_ROLE_H
#define FLOWXDP_PROGRAM_ROLE_H

enum program_role {
	ROLE_XDP = 0,
	ROLE_EGRESS = 1,
	ROLE_EVICTOR = 2,
	PROGRAM_ROLES = 3,
};

#endif
