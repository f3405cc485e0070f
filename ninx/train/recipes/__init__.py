"""The recipes that come with ninx, one TOML file each."""
