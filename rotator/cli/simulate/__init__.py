"""What `rotator simulate` asks and tells: options → settings; a story → lines, or JSON."""
