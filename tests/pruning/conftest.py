"""Nothing but its place: pytest puts the folder of a conftest on the path, so the folders below find `generators`."""
