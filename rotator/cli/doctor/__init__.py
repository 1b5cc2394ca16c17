"""What `rotator doctor` looks at: one module per area, one function per check; nothing here changes anything."""
