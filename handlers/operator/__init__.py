"""Whoever runs the installation asks by command: `flask --app app …`."""
