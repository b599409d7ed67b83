// SPDX-License-Identifier: CC0-1.0
module x86cpu-expand

go 1.19
