// SPDX-License-Identifier: BSD-2-Clause
// module_trust.h - who could have changed the code that this process is about to load.
#pragma once

#include <string>
#include <string_view>

namespace flowxdp {

// Whether code in this process has rights that its user has not: root, a program with file capabilities or set-user-ID,
// a process that was given capabilities.
bool has_own_rights();

// Why somebody could change this file or folder who has fewer rights than this process; empty: nobody can. Links are
// followed first. Looks at the file and at every folder above it, up to one that also holds this program: whoever may
// write there could replace the program itself. Owners that are believed: root, the owner of the program's file, and
// this process's user, unless the process has capabilities that this user has not. consequence: what such a change
// would do, for the message ("code in it would run with this program's rights").
std::string write_problem(const std::string& path, std::string_view consequence);
// The consequence for a module.
inline constexpr std::string_view kCodeWouldRun = "code in it would run with this program's rights";

} // namespace flowxdp
