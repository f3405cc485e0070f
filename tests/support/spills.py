"""Which vector registers the micro-kernels spill, on this processor and others: their assembly is made, and read, but not run.

A micro-kernel lives on its registers. A value that finds none is *spilled*: written to the stack, and read again when it is
wanted. Outside the loops that is cheap. In an innermost loop, which runs for each product of a sum, it is not.
"""

from __future__ import annotations

import json
import re
import sys
from typing import NamedTuple

from processes import output

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
PROCESSORS = {  # NINX_VECTOR, triple, LLVM's name
    "haswell, 16 bytes": ("16x16", X86, "haswell"),
    "haswell": ("32x16", X86, "haswell"),
    "znver3": ("32x16", X86, "znver3"),
    "skylake-avx512": ("64x32", X86, "skylake-avx512"),
    "znver4": ("64x32", X86, "znver4"),
    "neoverse-n1": ("16x32", ARM, "neoverse-n1"),
    "apple-m1": ("16x32", "arm64-apple-macosx14", "apple-m1"),
}


class Loop(NamedTuple):
    """Of the innermost loop with the most multiply-adds: these, and vectors read from and written to the stack."""

    fmas: int
    reads: int
    writes: int


def loops(processor: str) -> dict[str, Loop]:
    """The innermost loop of every micro-kernel, by its name and the bits of a number: "gemm2 32"."""
    vector, triple, cpu = PROCESSORS[processor]
    text = output(f"import spills; spills.print_assembly({triple!r}, {cpu!r})", NINX_VECTOR=vector)
    return {name: innermost(code, triple) for name, code in json.loads(text).items()}


def print_assembly(triple: str, cpu: str) -> None:
    """Every micro-kernel as assembly; in a process of its own, because the vectors' width is chosen when it starts."""
    import llvmlite.binding as llvm
    from llvmlite import ir

    import ninx.kernels.cpu  # noqa: F401 - registers them all
    from ninx.kernels.cpu.jit import emit

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3)
    found = {}
    for name in emit.MICROKERNELS:
        for size in (4, 8):
            module = ir.Module(name)
            module.triple, module.data_layout = triple, str(machine.target_data)
            emit.write_function(module, name, size).linkage = "external"
            parsed = llvm.parse_assembly(str(module))
            passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
            passes.getModulePassManager().run(parsed, passes)
            found[f"{name} {8 * size}"] = machine.emit_assembly(parsed)
    json.dump(found, sys.stdout)


JUMP = re.compile(r"\s(?:j[a-z]+|b\.?[a-z]*|cbn?z|tbn?z)\s.*?([.\w$]+)\s*$")
VECTOR = {"x86": re.compile(r"%[xyz]mm"), "arm": re.compile(r"\b[qdsv]\d+\b")}
STACK = {"x86": re.compile(r"\(%rsp\)"), "arm": re.compile(r"\[sp\b")}
WRITE = {"x86": re.compile(r"\)$"), "arm": re.compile(r"^\s*st")}
FMA = {"x86": re.compile(r"\svf?n?m(?:add|ul)|\smulp"), "arm": re.compile(r"\sfmla")}


def innermost(code: str, triple: str) -> Loop:
    """Read the assembly of one function. A loop: from a label to the jump back to it, with no other label in between."""
    kind = "x86" if triple.startswith("x86") else "arm"
    found, label, body = Loop(0, 0, 0), "", []
    for line in (line.split("//" if kind == "arm" else "#")[0].rstrip() for line in code.splitlines()):
        if line.endswith(":"):
            label, body = line[:-1], []
        body.append(line)
        jump = JUMP.search(line)
        if jump and jump[1] == label:
            stack = [line for line in body if STACK[kind].search(line) and VECTOR[kind].search(line)]
            writes = sum(bool(WRITE[kind].search(line)) for line in stack)
            found = max(found, Loop(sum(bool(FMA[kind].search(line)) for line in body), len(stack) - writes, writes))
    return found


if __name__ == "__main__":
    for processor in sys.argv[1:] or PROCESSORS:
        print(f"{processor} ({PROCESSORS[processor][0]}): multiply-adds of the inner loop, vectors read and written on the stack")
        for name, loop in loops(processor).items():
            if loop.fmas or loop.reads or loop.writes:
                print(f"  {name:20} {loop.fmas:4} {loop.reads:4} {loop.writes:4}")
