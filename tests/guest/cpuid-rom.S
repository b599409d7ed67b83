/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A ROM that reports what CPUID and the feature MSRs return to a guest
 *
 * Answers, for tests under TCG: what does the boot CPU show to the software
 * that runs on it?  Given to QEMU as -bios in the place of the firmware; the
 * report goes to an isa-debugcon device.  Feature MSRs are read if the CPU has
 * RDMSR at all (CPUID.01H:EDX.MSR); for those that it does not know, TCG
 * returns 0 instead of raising #GP.
 *
 * CPUID is run in 64-bit mode where the CPU has it, for TCG hides SYSCALL
 * from the other modes of Intel models, as the hardware does.  CR4, XCR0 and
 * the APIC base stay as the reset left them, so that the bits that follow
 * them are the same in every run.
 *
 * The report is a series of records of six little-endian words: leaf,
 * sub-leaf, EAX, EBX, ECX, EDX.  MSRs follow CPUID: leaf 0xfffffffe, the index
 * for a sub-leaf, and the value in EDX:EAX.  The last record has leaf
 * 0xffffffff, the mode (32 or 64) for a sub-leaf, and the number of records
 * before it in EAX.
 */

#define DEBUGCON        0x402

#define CR0_PE          0x00000001
#define CR0_PG          0x80000000
#define CR4_PAE         0x00000020
#define MSR_EFER        0xc0000080
#define EFER_LME        0x00000100
#define EXT_EDX_LM      0x20000000
#define EDX_MSR         0x00000020

/* The leaves: basic, the hypervisor's, extended, VIA's */
#define REGION_SIZE     0x40000000
#define REGION_SHIFT    28
/* No region has more leaves than that; a level set by hand may say so. */
#define REGION_MAX      0xff
#define SUBLEAF_MAX     63

#define CODE32_SEL      0x08
#define DATA_SEL        0x10
#define CODE64_SEL      0x18

/* The only RAM in use: the record, as it is sent, and two variables */
#define WORKSPACE       0x1000
#define LEAF            0
#define SUBLEAF         4
#define EAX             8
#define EBX             12
#define ECX             16
#define EDX             20
#define RECORD_SIZE     24
#define MAX_LEAF        24
#define LAST_SUBLEAF    28
#define COUNT           32

/* The rule for the sub-leaves of a leaf, see rules below */
#define RULE_LEAF       0
#define RULE_LAST       4
#define RULE_REGISTER   8
#define RULE_MASK       12
#define RULE_SIZE       16
#define LAST_IN_EAX     0xffffffff

/*
 * Assembled once for either mode.  The data that the code addresses is below
 * 4 GiB, and an address in a 32-bit register does in both.
 */
        .macro  SEND_RECORD
        movl    %ebp, %esi
        movl    $RECORD_SIZE, %ecx
        movl    $DEBUGCON, %edx
        rep outsb
        .endm

        .macro  REPORT mode
        cld
        movl    $WORKSPACE, %ebp
        movl    $0, COUNT(%ebp)
        xorl    %esi, %esi

region\@:
        /* A region that is not there answers with another one's data. */
        movl    %esi, LEAF(%ebp)
        movl    %esi, %eax
        xorl    %ecx, %ecx
        cpuid
        movl    %eax, %ecx
        xorl    %esi, %ecx
        shrl    $REGION_SHIFT, %ecx
        jnz     next_region\@
        leal    REGION_MAX(%esi), %ecx
        cmpl    %ecx, %eax
        jbe     1f
        movl    %ecx, %eax
1:      movl    %eax, MAX_LEAF(%ebp)

leaf\@:
        movl    $0, SUBLEAF(%ebp)
        movl    $rules, %edi
1:      cmpl    %esi, RULE_LEAF(%edi)
        je      subleaf\@
        addl    $RULE_SIZE, %edi
        cmpl    $default_rule, %edi
        jb      1b

subleaf\@:
        movl    LEAF(%ebp), %eax
        movl    SUBLEAF(%ebp), %ecx
        cpuid
        movl    %eax, EAX(%ebp)
        movl    %ebx, EBX(%ebp)
        movl    %ecx, ECX(%ebp)
        movl    %edx, EDX(%ebp)
        incl    COUNT(%ebp)
        SEND_RECORD

        cmpl    $0, SUBLEAF(%ebp)
        jne     2f
        movl    RULE_LAST(%edi), %eax
        cmpl    $LAST_IN_EAX, %eax
        jne     1f
        movl    EAX(%ebp), %eax
        cmpl    $SUBLEAF_MAX, %eax
        jbe     1f
        movl    $SUBLEAF_MAX, %eax
1:      movl    %eax, LAST_SUBLEAF(%ebp)
2:      movl    SUBLEAF(%ebp), %eax
        cmpl    LAST_SUBLEAF(%ebp), %eax
        jae     next_leaf\@
        movl    RULE_MASK(%edi), %eax
        testl   %eax, %eax
        jz      3f
        movl    RULE_REGISTER(%edi), %ecx
        testl   %eax, (%ebp, %ecx)
        jz      next_leaf\@
3:      incl    SUBLEAF(%ebp)
        jmp     subleaf\@

next_leaf\@:
        movl    LEAF(%ebp), %esi
        incl    %esi
        movl    %esi, LEAF(%ebp)
        cmpl    MAX_LEAF(%ebp), %esi
        jbe     leaf\@

next_region\@:
        movl    LEAF(%ebp), %esi
        andl    $-REGION_SIZE, %esi
        addl    $REGION_SIZE, %esi
        jnz     region\@

        movl    $1, %eax
        cpuid
        testl   $EDX_MSR, %edx
        jz      end\@
        movl    $0xfffffffe, LEAF(%ebp)
        movl    $0, EBX(%ebp)
        movl    $0, ECX(%ebp)
        movl    $msrs, %edi
msr\@:
        movl    (%edi), %ecx
        movl    %ecx, SUBLEAF(%ebp)
        rdmsr
        movl    %eax, EAX(%ebp)
        movl    %edx, EDX(%ebp)
        incl    COUNT(%ebp)
        SEND_RECORD
        addl    $4, %edi
        cmpl    $msrs_end, %edi
        jb      msr\@

end\@:
        movl    $0xffffffff, LEAF(%ebp)
        movl    $\mode, SUBLEAF(%ebp)
        movl    COUNT(%ebp), %eax
        movl    %eax, EAX(%ebp)
        SEND_RECORD
1:      hlt
        jmp     1b
        .endm

        .text
rom:
        .code16
start16:
        cli
        lgdtl   %cs:(gdt_pointer - rom)
        movl    %cr0, %eax
        orl     $CR0_PE, %eax
        movl    %eax, %cr0
        ljmpl   $CODE32_SEL, $start32

        .code32
start32:
        movl    $DATA_SEL, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss

        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000001, %eax
        jb      report32
        movl    $0x80000001, %eax
        cpuid
        testl   $EXT_EDX_LM, %edx
        jz      report32

        movl    %cr4, %eax
        orl     $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $EFER_LME, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $CR0_PG, %eax
        movl    %eax, %cr0
        ljmpl   $CODE64_SEL, $report64

report32:
        REPORT  32

        .code64
report64:
        REPORT  64

        /*
         * Which sub-leaves a leaf has: up to the last one, as long as the
         * register has a bit of the mask (0: always).
         */
        .balign 16
rules:
        .long   0x00000004, SUBLEAF_MAX, EAX, 0x1f      /* cache type */
        .long   0x00000007, LAST_IN_EAX, 0, 0
        .long   0x0000000b, 7, ECX, 0xff00              /* level type */
        .long   0x0000000d, SUBLEAF_MAX, 0, 0
        .long   0x00000012, 3, 0, 0
        .long   0x00000014, LAST_IN_EAX, 0, 0
        .long   0x0000001d, LAST_IN_EAX, 0, 0
        .long   0x0000001e, LAST_IN_EAX, 0, 0
        .long   0x0000001f, 7, ECX, 0xff00              /* level type */
        .long   0x00000024, LAST_IN_EAX, 0, 0
        .long   0x8000001d, SUBLEAF_MAX, EAX, 0x1f      /* cache type */
        .long   0x80000026, 7, ECX, 0xff00              /* level type */
default_rule:
        .long   0xffffffff, 0, 0, 0

        /*
         * The microcode's revision and the feature MSRs;
         * test_feature_flags.py finds what is missing.
         */
msrs:
        .long   0x0000008b              /* IA32_BIOS_SIGN_ID */
        .long   0x000000cf              /* IA32_CORE_CAPABILITIES */
        .long   0x0000010a              /* IA32_ARCH_CAPABILITIES */
        .long   0x00000345              /* IA32_PERF_CAPABILITIES */
        .long   0x00000480              /* IA32_VMX_BASIC */
        .long   0x00000485              /* IA32_VMX_MISC */
        .long   0x0000048b              /* IA32_VMX_PROCBASED_CTLS2 */
        .long   0x0000048c              /* IA32_VMX_EPT_VPID_CAP */
        .long   0x0000048d              /* IA32_VMX_TRUE_PINBASED_CTLS */
        .long   0x0000048e              /* IA32_VMX_TRUE_PROCBASED_CTLS */
        .long   0x0000048f              /* IA32_VMX_TRUE_EXIT_CTLS */
        .long   0x00000490              /* IA32_VMX_TRUE_ENTRY_CTLS */
        .long   0x00000491              /* IA32_VMX_VMFUNC */
msrs_end:

        /* The accessed bits are set, so that the CPU has nothing to write. */
        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      /* CODE32_SEL */
        .quad   0x00cf93000000ffff      /* DATA_SEL */
        .quad   0x00af9b000000ffff      /* CODE64_SEL */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        /*
         * The first 2 MiB, mapped to themselves: present, writable, accessed
         * (so that the tables can be in the ROM), dirty.
         */
        .balign 4096
pml4:   .quad   pdpt + 0x23
        .balign 4096
pdpt:   .quad   pd + 0x23
        .balign 4096
pd:     .quad   0xe3                    /* a 2 MiB page */

        .org    0xfff0
        .code16
        ljmp    $0xf000, $(start16 - rom)
        .org    0x10000
