"""Counting and printing of the single comparisons."""

from __future__ import annotations


class Report:
    """Prints one line for each comparison and remembers how many held."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def check(self, name: str, holds: object, detail: object = "") -> bool:
        """One comparison; `detail` is printed when it does not hold."""
        if holds:
            self.passed += 1
            print(f"PASS {name}")
        else:
            self.failed.append(name)
            print(f"FAIL {name}: {detail}")
        return bool(holds)

    def note(self, text: str) -> None:
        """Something to know that is no comparison."""
        print(f"NOTE {text}")

    def finish(self) -> int:
        """The last lines; gives the exit code."""
        if self.failed:
            print("\nfailed:")
            for name in self.failed:
                print(f"  {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed")
        return 1 if self.failed or not self.passed else 0
