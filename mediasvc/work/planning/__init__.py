"""What goes on which disc: selected, made to fit its profile, counted."""
