"""Other libraries' names on top of anabranch. Nothing here is imported unless it is asked for."""
