"""The ground floor: what the words of this project mean. Standard library only, frozen, no I/O, no clock."""
