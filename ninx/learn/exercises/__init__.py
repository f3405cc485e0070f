"""The exercises, a folder each; ``ninx.learn.exercise`` says what stands in one."""
