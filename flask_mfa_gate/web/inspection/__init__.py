"""What an operator asks of a running set-up: is anything wrong with it?"""
