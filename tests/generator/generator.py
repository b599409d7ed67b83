# SPDX-License-Identifier: GPL-2.0-or-later
"""
The table generator, gen-cpu-tables.c in target-i386-ext/generator/, for its
tests and for scripts/fuzz-tables: how it is compiled, and a small QEMU to
run it on.

CPU_C has one of each thing that the generator knows in cpu.c, so that its
tests need no QEMU tree, and are fast.
"""

import glob
import os
import subprocess
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.append(os.path.join(REPO, 'tests'))

from c_compiler import CC, SANITIZE  # noqa: E402 (that path comes first)

LINE = os.environ.get('LINE') or '10.0'
SOURCE = os.path.join(REPO, os.environ.get('BUILD') or 'build',
                      f'qemu-{LINE}')
# What it is compiled of
SOURCES = sorted(
    path for name in ('core/*.c', 'generator/*.c', 'near-names.c')
    for path in glob.glob(os.path.join(REPO, 'target-i386-ext', name)))

# Leaks: it ends before they could matter.
ENV = {**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'}

VERSION = '10.0.13\n'
CPU_H = '''#define CPUID_FPU (1U << 0)
#define CPUID_VME (1U << 1)
#define CPUID_DE (1U << 2)
#define CPUID_EXT_PNI (1U << 0)
#define CPUID_7_0_EBX_AVX2 (1U << 5)
#define CPUID_BOTH (CPUID_FPU | \\
                    CPUID_DE)
#define CPUID_VENDOR_FAR "  Far East  "
#define MSR_IA32_ARCH_CAPABILITIES 0x10a
#define KVM_CPUID_FEATURES 0x40000001
'''
CPU_C = '''#include "cpu.h"
FeatureWordInfo feature_word_info[FEATURE_WORDS] = {
    [FEAT_1_EDX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { "fpu", "vme", "de", NULL, "tsc" },
        .cpuid = { .eax = 1, .reg = R_EDX, },
    },
    [FEAT_1_ECX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = {
            "pni", NULL, "twin", "twin", [26] = "xsave", [31] = "hypervisor",
        },
        .cpuid = { .eax = 1, .reg = R_ECX, },
    },
    [FEAT_7_0_EBX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { [5] = "avx2", [16] = "avx512f" },
        .cpuid = { .eax = 7, .needs_ecx = true, .ecx = 0, .reg = R_EBX, },
    },
    [FEAT_8000_0001_ECX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { "lahf-lm" },
        .cpuid = { .eax = 0x80000001, .reg = R_ECX, },
    },
    [FEAT_C000_0001_EDX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { "xstore" },
        .cpuid = { .eax = 0xC0000001, .reg = R_EDX, },
    },
    [FEAT_KVM] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { "kvmclock" },
        .cpuid = { .eax = KVM_CPUID_FEATURES, .reg = R_EAX, },
    },
    [FEAT_ARCH_CAPABILITIES] = {
        .type = MSR_FEATURE_WORD,
        .feat_names = { "rdctl-no", [40] = "taa-no" },
        .msr = { .index = MSR_IA32_ARCH_CAPABILITIES },
    },
};

static FeatureDep feature_dependencies[] = {
    {
        .from = { FEAT_1_ECX,               CPUID_EXT_PNI },
        .to = { FEAT_7_0_EBX,               CPUID_7_0_EBX_AVX2 | 1 << 7 },
    },
    {
        .from = { FEAT_1_EDX,               1u << 9 },
        .to = { FEAT_ARCH_CAPABILITIES,     ~1ull },
    },
};

static const CPUCaches old_cache_info = {
    .l1d_cache = &(CPUCacheInfo) {
        .type = DATA_CACHE,
        .level = 1,
        .size = 32 * KiB,
        .line_size = 64,
        .associativity = 8,
        .partitions = 1,
        .sets = 64,
        .lines_per_tag = 1,
        .self_init = 1,
        .no_invd_sharing = true,
        .share_level = CPU_TOPOLOGY_LEVEL_CORE,
    },
    .l1i_cache = &(CPUCacheInfo) {
        .size = 32 * KiB, .line_size = 64, .associativity = 8, .sets = 64,
    },
    .l2_cache = &(CPUCacheInfo) {
        .size = 1 * MiB, .line_size = 64, .associativity = 16,
        .partitions = 1, .sets = 1024, .lines_per_tag = 1, .inclusive = true,
        .share_level = CPU_TOPOLOGY_LEVEL_MODULE,
    },
    .l3_cache = &(CPUCacheInfo) {
        .size = 8 << 20, .line_size = 64, .associativity = 16,
        .partitions = 1, .sets = 8192, .lines_per_tag = 1,
        .complex_indexing = true, .share_level = CPU_TOPOLOGY_LEVEL_DIE,
    },
};
static const CPUCaches *caches_of(void);

static const X86CPUDefinition builtin_x86_defs[] = {
    {
        .name = "Old",
        .level = 7,
        .vendor = "GenuineIntel",
        .family = 6,
        .model = 0x1f,
        .stepping = 3,
        .features[FEAT_1_EDX] = CPUID_BOTH | CPUID_VME,
        .features[FEAT_1_ECX] = (CPUID_EXT_PNI | 1 << 2) & ~0,
        .features[FEAT_ARCH_CAPABILITIES] = (1ull << 40) | 2,
        .xlevel = 0x80000008,
        .model_id = "An old one, " "of upstream's",
        .versions = (X86CPUVersionDefinition[]) {
            { .version = 1 },
            {
                .version = 2,
                .alias = "Old-IBRS",
                .note = "IBRS, [no x]",
                .props = (PropValue[]) {
                    { "avx2", "on" },
                    { "vme", "off" },
                    { "sse3", "on" },
                    { "model-id", "An old one (IBRS)" },
                    { "stepping", "5" },
                    { "min-level", "8" },
                    { "pmu", "on" },
                    { "hv-spinlocks", "4095" },
                    { /* end of list */ }
                },
            },
            {
                .version = 3,
                .cache_info = &old_cache_info,
            },
            { /* end of list */ }
        },
        .deprecation_note = "use another",
    },
    {
        .name = "tiny",
        .level = 1,
        .vendor = CPUID_VENDOR_FAR,
        .family = 4,
        .avx10_version = 2,
        .features[FEAT_1_EDX] =
            CPUID_FPU,
        .cache_info = &old_cache_info,
        .model_id = "QEMU Virtual CPU version " QEMU_HW_VERSION,
    },
};

static const Property x86_cpu_properties[] = {
    DEFINE_PROP_UINT32("apic-id", X86CPU, apic_id, UNASSIGNED_APIC_ID),
    DEFINE_PROP_BOOL("pmu", X86CPU, enable_pmu, false),
    DEFINE_PROP_BOOL("lmce", X86CPU, enable_lmce, true),
    DEFINE_PROP_UINT8("host-phys-bits-limit", X86CPU, host_phys_bits_limit, 0),
    DEFINE_PROP_UINT16("hv-version-id-major", X86CPU, hyperv_ver_id_major, 0),
    DEFINE_PROP_UINT32("hv-spinlocks", X86CPU, hyperv_spinlock_attempts, UINT32_MAX),
    DEFINE_PROP_UINT64("ucode-rev", X86CPU, ucode_rev, 0),
    DEFINE_PROP_STRING("vendor-name", X86CPU, vendor_name),
    DEFINE_PROP_UINT32("level", X86CPU, env.cpuid_level, UINT32_MAX),
};

static const Property other_properties[] = {
    DEFINE_PROP_BOOL("other", Other, other, false),
};

static void x86_cpu_initfn(Object *obj)
{
    object_property_add_alias(obj, "sse3", obj, "pni");
}
'''
FEATURES_TBL = '''# QEMU     cpuinfo  libvirt  what it is
fpu        fpu      fpu      Floating-point unit
vme        vme      vme      Virtual mode
de         de       de       Debugging
tsc        tsc      tsc      Time stamps
pni        pni      pni      SSE3
twin       -        -        On two bits
xsave      xsave    xsave    State
hypervisor -        -        Under a hypervisor
avx2       avx2     avx2     AVX2
  needs: xsave
avx512f    avx512f  avx512f  AVX-512
  note: the foundation
lahf-lm    lahf_lm  lahf_lm  LAHF
xstore     xstore   xstore   Random numbers
kvmclock   -        -        Clock
rdctl-no   -        -        Immune to Meltdown
taa-no     -        -        Immune to TAA
'''
# All that it reads of QEMU, and the table of features, by file
SMALL_QEMU = {'cpu.c': CPU_C, 'cpu.h': CPU_H, 'f.tbl': FEATURES_TBL,
              'VERSION': VERSION}
TABLE = '''cpu one
    reason    The first one.
    vendor    GenuineIntel
    family    6
    model     1
    stepping  2
    level     7
    xlevel    0x80000008
    model-id  One, the first
    on        fpu de pni xsave avx2
  version 1
    alias     Uno
  version 2
    reason    Wanted
    note      wanted
    on        lahf-lm twin
    off       avx2
    set       pmu on
    set       hv-spinlocks 7
'''
# With all of what a table can have
RICH_TABLE = TABLE + '''  version 3
    reason    With caches,
    reason    of its own
    deprecated  too many caches
    cache     l1d 32K:line=64:ways=8:sets=64:share=core:self-init
    cache     l1i 32K:line=64:ways=8:sets=64:share=core:no-invd-sharing
    cache     l2 1M:line=64:ways=16:sets=1024:share=module:tag-lines=2
    cache     l3 8192K:line=64:ways=16:partitions=1:sets=8192:share=die:inclusive:complex-indexing
    family    0x10
    avx10-version  1
  machines until 9.2
    on        vme
    set       hv-version-id-major 3
    level     13
  machines from 9.1 to 10.0
    default-version 2
    model-id  One, of these machines
  machines since 10.1
    default-version 3

cpu two
    reason    Based on one of upstream's
    based-on  Old-v3
    deprecated  use one
    set       lmce off
  version 1

cpu three
    reason    Based on another
    based-on  two-v1
    off       de
  version 1
'''
SITE_TABLE = '''cpu site_a
    reason    Ours
    based-on  three-v1
    model-id  Site's A
  version 1
    alias     site_x
'''


def compile_into(directory):
    """
    The path of the generator, with sanitizers; or of the one that GENERATOR
    names, for those who measure the tests.
    """
    program = os.environ.get('GENERATOR')
    if program:
        return program
    program = os.path.join(directory, 'gen-cpu-tables')
    subprocess.run(
        [*CC, '-Wall', '-Wextra', '-Werror', *SANITIZE, '-o', program,
         *SOURCES], check=True)
    return program


def write_files(directory, files):
    """files: text or bytes by path"""
    for name, text in files.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())
