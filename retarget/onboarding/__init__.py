"""What a robot's file says about a robot that nobody has described yet."""
